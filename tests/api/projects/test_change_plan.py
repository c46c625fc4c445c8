"""`POST /api/v1/payments/stripe/update-subscription`: facts 6.5."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from payments.config import Settings
from payments.gateway.billing import Billing
from tests.support.apps import another_app
from tests.support.developers import STRIPE, EndUser, ProjectSeat
from tests.support.ledger_rows import add_subscription, new_price, requests_to, subscribed
from tests.support.processes import free_port

PATH = f"{STRIPE}/update-subscription"


@pytest.fixture
def price(seat: ProjectSeat) -> str:
    return new_price(seat.shop, name="Basic", amount=1000)


@pytest.fixture
def better(seat: ProjectSeat) -> str:
    return new_price(seat.shop, name="Better", amount=3000)


@pytest.fixture
def subscription(app: Flask, seat: ProjectSeat, price: str) -> str:
    """The end user's subscription of three seats; another end user has one too."""
    subscribed(app, seat, seat.another_end_user(), price)
    return subscribed(app, seat, seat.end_user, price, quantity=3)


def change(user: EndUser, price: Any, **more: Any) -> TestResponse:
    query = more.pop("query", {})
    return user.post(PATH, {"new_price_id": price, **more}, query_string=query)


def item(seat: ProjectSeat, subscription: str) -> dict[str, Any]:
    held = seat.shop.stripe("GET", f"/v1/subscriptions/{subscription}")
    return dict(held["items"]["data"][0])


def updates(seat: ProjectSeat, subscription: str) -> list[dict[str, Any]]:
    return requests_to(seat.shop, f"/v1/subscriptions/{subscription}")


class TestChange:
    def test_it_moves_to_the_price(self, seat: ProjectSeat, subscription: str, better: str) -> None:
        answer = change(seat.end_user, better)
        assert answer.status_code == 200, answer.text
        assert answer.json.keys() == {"subscription_id", "status", "price_id", "message"}
        assert answer.json["subscription_id"] == subscription
        assert answer.json["status"] == "active"
        assert answer.json["price_id"] == better
        assert answer.json["message"]

    def test_the_item_is_swapped_and_its_quantity_kept(
        self, seat: ProjectSeat, subscription: str, better: str
    ) -> None:
        before = item(seat, subscription)
        change(seat.end_user, better)
        after = item(seat, subscription)
        assert (after["id"], after["price"]["id"]) == (before["id"], better)
        assert (before["quantity"], after["quantity"]) == (3, 3)

    @pytest.mark.parametrize("proration", ["create_prorations", "none", "always_invoice"])
    def test_the_proration_is_handed_on(
        self, seat: ProjectSeat, subscription: str, better: str, proration: str
    ) -> None:
        assert change(seat.end_user, better, proration_behavior=proration).status_code == 200
        (asked,) = updates(seat, subscription)
        assert asked["proration_behavior"] == proration

    def test_create_prorations_is_the_default(
        self, seat: ProjectSeat, subscription: str, better: str
    ) -> None:
        change(seat.end_user, better)
        (asked,) = updates(seat, subscription)
        assert asked["proration_behavior"] == "create_prorations"

    def test_the_same_price_changes_nothing(
        self, seat: ProjectSeat, subscription: str, price: str
    ) -> None:
        answer = change(seat.end_user, price, proration_behavior="always_invoice")
        assert answer.status_code == 200
        assert answer.json["price_id"] == price
        assert updates(seat, subscription) == []

    def test_another_end_users_stays(
        self, seat: ProjectSeat, subscription: str, price: str, better: str
    ) -> None:
        other = seat.another_end_user()
        assert change(other, better).status_code == 404
        assert item(seat, subscription)["price"]["id"] == price


class TestMySubscription:
    def test_it_shows_the_new_plan_at_once(
        self, app: Flask, seat: ProjectSeat, price: str, better: str
    ) -> None:
        subscribed(app, seat, seat.end_user, price, plan_name="Basic")
        assert change(seat.end_user, better).status_code == 200
        mine = seat.end_user.get(f"{STRIPE}/my-subscription").json
        assert (mine["plan_name"], mine["status"]) == ("Better", "active")

    def test_it_keeps_its_plans_name_when_it_is_cancelled(
        self, app: Flask, seat: ProjectSeat, price: str
    ) -> None:
        subscribed(app, seat, seat.end_user, price, plan_name="Basic")
        assert seat.end_user.post(f"{STRIPE}/cancel-subscription", {}).status_code == 200
        mine = seat.end_user.get(f"{STRIPE}/my-subscription").json
        assert mine["plan_name"] == "Basic"
        assert mine["cancel_at"] is not None


class TestInvalidPrice:
    @pytest.mark.parametrize("bad", ["price_unknown", "../customers", "no price", "ü"])
    def test_an_unknown_one_is_400(self, seat: ProjectSeat, subscription: str, bad: str) -> None:
        answer = change(seat.end_user, bad)
        assert answer.status_code == 400
        assert answer.json == {"detail": "Invalid price"}

    def test_a_one_time_one_is_400(self, seat: ProjectSeat, subscription: str) -> None:
        answer = change(seat.end_user, new_price(seat.shop, interval=None))
        assert answer.status_code == 400
        assert "one-time" in answer.json["detail"]

    def test_one_that_is_no_longer_sold_is_400(
        self, seat: ProjectSeat, subscription: str, better: str
    ) -> None:
        seat.shop.stripe("POST", f"/v1/prices/{better}", active="false")
        assert change(seat.end_user, better).status_code == 400

    def test_one_that_stripe_cannot_put_in_its_place_is_400(
        self, seat: ProjectSeat, subscription: str, better: str
    ) -> None:
        error = {"type": "invalid_request_error", "message": "The currencies do not match."}
        match = {"path": f"/v1/subscriptions/{subscription}", "method": "POST"}
        fault = {"match": match, "action": "error", "status": 400, "error": error}
        seat.shop.control("POST", "faults", fault)
        answer = change(seat.end_user, better)
        assert answer.status_code == 400
        assert answer.json == {"detail": "Invalid price: it does not fit this subscription"}

    def test_under_a_schedule_it_is_told_as_such(
        self, seat: ProjectSeat, subscription: str, better: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Stripe would take the change, and the schedule's next phase would take it back."""
        get = Billing.get_subscription
        schedule = {"schedule": "sub_sched_1"}
        monkeypatch.setattr(Billing, "get_subscription", lambda *a: {**get(*a), **schedule})
        answer = change(seat.end_user, better)
        assert answer.status_code == 400
        assert "follows a schedule" in answer.json["detail"]
        assert updates(seat, subscription) == []

    def test_a_refusal_that_names_a_schedule_is_told_as_such(
        self, seat: ProjectSeat, subscription: str, better: str
    ) -> None:
        message = "The subscription is managed by the subscription schedule `sub_sched_1`."
        error = {"type": "invalid_request_error", "message": message}
        match = {"path": f"/v1/subscriptions/{subscription}", "method": "POST"}
        fault = {"match": match, "action": "error", "status": 400, "error": error}
        seat.shop.control("POST", "faults", fault)
        answer = change(seat.end_user, better)
        assert answer.status_code == 400
        assert "follows a schedule" in answer.json["detail"]

    def test_one_of_another_account_is_400(
        self, seat: ProjectSeat, neighbours: ProjectSeat, subscription: str
    ) -> None:
        assert change(seat.end_user, new_price(neighbours.shop)).status_code == 400

    def test_a_declined_card_is_400_with_its_reason(
        self, seat: ProjectSeat, subscription: str, better: str
    ) -> None:
        error = {
            "type": "card_error",
            "code": "card_declined",
            "message": "Your card was declined.",
        }
        match = {"path": f"/v1/subscriptions/{subscription}", "method": "POST"}
        fault = {"match": match, "action": "error", "status": 402, "error": error}
        seat.shop.control("POST", "faults", fault)
        answer = change(seat.end_user, better)
        assert answer.status_code == 400
        assert "Your card was declined." in answer.json["detail"]


class TestNoSubscription:
    def test_it_is_404(self, seat: ProjectSeat, better: str) -> None:
        answer = change(seat.end_user, better)
        assert answer.status_code == 404
        assert answer.json == {"detail": "No active subscription found"}

    def test_one_that_stripe_does_not_know_is_404(
        self, app: Flask, seat: ProjectSeat, better: str
    ) -> None:
        add_subscription(app, seat, seat.end_user)
        assert change(seat.end_user, better).status_code == 404

    def test_one_that_ended_at_stripe_is_404(
        self, seat: ProjectSeat, subscription: str, better: str
    ) -> None:
        seat.shop.stripe("DELETE", f"/v1/subscriptions/{subscription}")
        assert change(seat.end_user, better).status_code == 404

    @pytest.mark.parametrize("status", ["canceled", "incomplete", "unpaid"])
    def test_another_status_is_404(self, app: Flask, seat: ProjectSeat, status: str) -> None:
        add_subscription(app, seat, seat.end_user, status=status)
        assert change(seat.end_user, "price_1").status_code == 404


class TestBadInput:
    @pytest.mark.parametrize(
        ("field", "bad"),
        [
            ("new_price_id", ""),
            ("new_price_id", None),
            ("new_price_id", 7),
            ("new_price_id", "a" * 256),
            ("proration_behavior", "now"),
            ("proration_behavior", "none "),
            ("proration_behavior", ""),
            ("proration_behavior", None),
        ],
    )
    def test_it_is_422(self, seat: ProjectSeat, field: str, bad: Any) -> None:
        answer = seat.end_user.post(PATH, {"new_price_id": "price_1", field: bad})
        assert answer.status_code == 422
        assert [fault["loc"] for fault in answer.json["detail"]] == [["body", field]]

    def test_the_price_is_required(self, seat: ProjectSeat) -> None:
        answer = seat.end_user.post(PATH, {})
        assert answer.status_code == 422
        assert answer.json["detail"][0]["type"] == "missing"


class TestTestMode:
    @pytest.mark.parametrize("word", ["false", "0"])
    def test_false_is_not_configured_here(
        self, seat: ProjectSeat, subscription: str, better: str, word: str
    ) -> None:
        answer = change(seat.end_user, better, query={"test_mode": word})
        assert answer.status_code == 404
        assert updates(seat, subscription) == []

    @pytest.mark.parametrize("word", ["true", "1"])
    def test_true_is_the_default(
        self, seat: ProjectSeat, subscription: str, better: str, word: str
    ) -> None:
        assert change(seat.end_user, better, query={"test_mode": word}).status_code == 200

    def test_no_boolean_is_422(self, seat: ProjectSeat) -> None:
        assert change(seat.end_user, "price_1", query={"test_mode": "-"}).status_code == 422


class TestWho:
    def test_stripe_unreachable_is_502(
        self, settings: Settings, seat: ProjectSeat, subscription: str
    ) -> None:
        body = {"new_price_id": "price_1"}
        with another_app(settings, stripe_api_base=f"http://127.0.0.1:{free_port()}") as other:
            answer = other.test_client().post(PATH, json=body, headers=seat.end_user.headers)
        assert answer.status_code == 502

    def test_nobody_is_401(self, client: FlaskClient) -> None:
        assert client.post(PATH, json={"new_price_id": "price_1"}).status_code == 401

    def test_a_developer_is_403(self, seat: ProjectSeat) -> None:
        assert change(seat.developer, "price_1").status_code == 403  # type: ignore[arg-type]
