"""`POST /api/v1/payments/stripe/cancel-subscription`: facts 6.4."""

from __future__ import annotations

import re
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from payments.config import Settings
from payments.gateway.billing import Billing
from payments.gateway.errors import Rejected
from payments.kit import clock
from payments.kit.transactions import transaction
from payments.projects.models import Subscription as Row
from tests.support.apps import another_app
from tests.support.deliveries import account_of
from tests.support.developers import STRIPE, EndUser, ProjectSeat
from tests.support.ledger_rows import add_subscription, new_price, subscribed
from tests.support.processes import free_port
from tests.support.site import at_once

PATH = f"{STRIPE}/cancel-subscription"
FIELDS = {"subscription_id", "status", "cancel_at", "cancelled_at", "message"}
MANAGED = (
    "The subscription is managed by the subscription schedule `sub_sched_1`, and updating any "
    "cancelation behavior directly is not allowed. Please update the schedule instead."
)
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest.fixture
def subscription(app: Flask, seat: ProjectSeat) -> str:
    """The end user's subscription at Stripe; another end user has one too."""
    price = new_price(seat.shop)
    subscribed(app, seat, seat.another_end_user(), price)
    return subscribed(app, seat, seat.end_user, price)


def cancel(user: EndUser, body: Any = None, **query: str) -> TestResponse:
    return user.post(PATH, {} if body is None else body, query_string=query)


def at_stripe(seat: ProjectSeat, subscription: str) -> dict[str, Any]:
    return seat.shop.stripe("GET", f"/v1/subscriptions/{subscription}")


class TestAtPeriodEnd:
    def test_it_stays_active_until_then(self, seat: ProjectSeat, subscription: str) -> None:
        answer = cancel(seat.end_user)
        assert answer.status_code == 200, answer.text
        assert answer.json.keys() == FIELDS
        assert answer.json["subscription_id"] == subscription
        assert answer.json["status"] == "active"
        assert "end of the current billing period" in answer.json["message"]

    def test_cancel_at_is_the_periods_end(self, seat: ProjectSeat, subscription: str) -> None:
        told = cancel(seat.end_user).json
        held = at_stripe(seat, subscription)
        end = held["items"]["data"][0]["current_period_end"]
        assert told["cancel_at"] == clock.iso_millis(clock.from_timestamp(end))
        assert told["cancelled_at"] == clock.iso_millis(clock.from_timestamp(held["canceled_at"]))
        assert MOMENT.fullmatch(told["cancel_at"])

    def test_stripe_was_told(self, seat: ProjectSeat, subscription: str) -> None:
        cancel(seat.end_user, {"cancel_immediately": False})
        held = at_stripe(seat, subscription)
        assert (held["status"], held["cancel_at_period_end"]) == ("active", True)

    def test_twice_is_the_same_answer(self, seat: ProjectSeat, subscription: str) -> None:
        first, second = cancel(seat.end_user), cancel(seat.end_user)
        assert (first.status_code, second.status_code) == (200, 200)
        assert first.json == second.json

    def test_one_with_another_projects_mark_ends_at_stripe(
        self, seat: ProjectSeat, subscription: str, neighbours: ProjectSeat
    ) -> None:
        """What it is then is no longer written here."""
        mark = {"metadata[project_id]": neighbours.project_id}
        seat.shop.stripe("POST", f"/v1/subscriptions/{subscription}", **mark)
        assert cancel(seat.end_user).status_code == 200
        assert at_stripe(seat, subscription)["cancel_at_period_end"] is True

    def test_my_subscription_shows_the_end(self, seat: ProjectSeat, subscription: str) -> None:
        told = cancel(seat.end_user).json
        mine = seat.end_user.get(f"{STRIPE}/my-subscription").json
        assert mine["status"] == "active"
        assert mine["cancel_at"] == told["cancel_at"]
        assert mine["cancelled_at"] == told["cancelled_at"]


class TestImmediately:
    def test_it_is_canceled_now(self, seat: ProjectSeat, subscription: str) -> None:
        answer = cancel(seat.end_user, {"cancel_immediately": True})
        assert answer.status_code == 200, answer.text
        assert answer.json.keys() == FIELDS
        assert answer.json["subscription_id"] == subscription
        assert answer.json["status"] == "canceled"
        assert answer.json["cancel_at"] is None
        assert MOMENT.fullmatch(answer.json["cancelled_at"])
        assert at_stripe(seat, subscription)["status"] == "canceled"

    def test_also_once_it_was_cancelled_for_later(
        self, seat: ProjectSeat, subscription: str
    ) -> None:
        cancel(seat.end_user)
        told = cancel(seat.end_user, {"cancel_immediately": True}).json
        assert (told["status"], told["cancel_at"]) == ("canceled", None)

    def test_my_subscription_is_gone(self, seat: ProjectSeat, subscription: str) -> None:
        cancel(seat.end_user, {"cancel_immediately": True})
        assert seat.end_user.get(f"{STRIPE}/my-subscription").json is None

    def test_afterwards_there_is_none_to_cancel(self, seat: ProjectSeat, subscription: str) -> None:
        cancel(seat.end_user, {"cancel_immediately": True})
        assert cancel(seat.end_user).status_code == 404

    def test_two_at_once_cancel_it_once(
        self, app: Flask, seat: ProjectSeat, subscription: str
    ) -> None:
        def cancel_alone() -> TestResponse:
            body, headers = {"cancel_immediately": True}, seat.end_user.headers
            return app.test_client().post(PATH, json=body, headers=headers)

        answers = at_once([cancel_alone] * 2)
        assert {answer.status_code for answer in answers} <= {200, 404}
        done = [answer.json["status"] for answer in answers if answer.status_code == 200]
        assert set(done) == {"canceled"}

    def test_one_that_ended_at_stripe_meanwhile_is_told_as_ended(
        self, seat: ProjectSeat, subscription: str
    ) -> None:
        seat.shop.stripe("DELETE", f"/v1/subscriptions/{subscription}")
        answer = cancel(seat.end_user, {"cancel_immediately": True})
        assert answer.status_code in {200, 404}
        if answer.status_code == 200:
            assert answer.json["status"] == "canceled"

    def test_what_stripe_refuses_is_400(self, seat: ProjectSeat, subscription: str) -> None:
        match = {"path": f"/v1/subscriptions/{subscription}", "method": "DELETE"}
        error = {"type": "invalid_request_error", "message": "Managed by a schedule."}
        fault = {"match": match, "action": "error", "status": 400, "error": error}
        seat.shop.control("POST", "faults", fault)
        answer = cancel(seat.end_user, {"cancel_immediately": True})
        assert answer.status_code == 400
        assert answer.json == {"detail": "Stripe refused the request"}
        assert at_stripe(seat, subscription)["status"] == "active"


class Scheduled:
    """A subscription that a schedule manages: Stripe refuses to change its end directly."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, refuses: str = "") -> None:
        self.asked: list[str] = []
        self.refuses, self.is_managed = refuses, True
        get, end = Billing.get_subscription, Billing.cancel_at_period_end

        def get_subscription(billing: Billing, held: str) -> Any:
            return {**get(billing, held), "schedule": "sub_sched_1" if self.is_managed else None}

        def cancel_at_period_end(billing: Billing, held: str, *, key: str) -> Any:
            if self.is_managed:
                raise Rejected(MANAGED, code=None)
            return end(billing, held, key=key)

        monkeypatch.setattr(Billing, "get_subscription", get_subscription)
        monkeypatch.setattr(Billing, "cancel_at_period_end", cancel_at_period_end)
        for name in ("release_schedule", "cancel_schedule"):
            monkeypatch.setattr(Billing, name, self._change(name))

    def _change(self, name: str) -> Any:
        def change(billing: Billing, schedule: str) -> None:
            self.asked.append(f"{name} {schedule}")
            if name == self.refuses:
                raise Rejected(MANAGED, code=None)
            self.is_managed = False
            if name == "cancel_schedule":
                self.end_at_stripe(billing)

        return change

    def end_at_stripe(self, billing: Billing) -> None:
        (held,) = [each.id for each in billing._v1.subscriptions.list({"limit": 1}).data]
        billing._v1.subscriptions.cancel(held)


class TestUnderASchedule:
    def test_it_is_released_and_ends_with_its_period(
        self, seat: ProjectSeat, subscription: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        schedule = Scheduled(monkeypatch)
        answer = cancel(seat.end_user)
        assert (answer.status_code, answer.json["status"]) == (200, "active")
        assert schedule.asked == ["release_schedule sub_sched_1"]
        assert at_stripe(seat, subscription)["cancel_at_period_end"] is True

    def test_at_once_it_ends_together_with_the_schedule(
        self, seat: ProjectSeat, subscription: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        schedule = Scheduled(monkeypatch)
        error = {"type": "invalid_request_error", "message": MANAGED}
        match = {"path": f"/v1/subscriptions/{subscription}", "method": "DELETE"}
        fault = {"match": match, "action": "error", "status": 400, "error": error}
        seat.shop.control("POST", "faults", fault)
        answer = cancel(seat.end_user, {"cancel_immediately": True})
        assert (answer.status_code, answer.json["status"]) == (200, "canceled")
        assert schedule.asked == ["cancel_schedule sub_sched_1"]

    def test_what_stripe_still_refuses_is_told_as_such(
        self, seat: ProjectSeat, subscription: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        Scheduled(monkeypatch, refuses="release_schedule")
        answer = cancel(seat.end_user)
        assert answer.status_code == 400
        assert answer.json == {
            "detail": "The subscription follows a schedule, which does not allow this change"
        }
        assert at_stripe(seat, subscription)["cancel_at_period_end"] is False


class TestEveryStatus:
    """Whatever Stripe may go on billing for can be ended."""

    @pytest.fixture
    def incomplete(self, app: Flask, seat: ProjectSeat) -> str:
        customer = account_of(seat).customer()
        made = seat.shop.stripe(
            "POST",
            "/v1/subscriptions",
            customer=customer,
            payment_behavior="default_incomplete",
            **{"items[0][price]": new_price(seat.shop)},
        )
        add_subscription(app, seat, seat.end_user, subscription_id=made["id"], status="incomplete")
        return str(made["id"])

    @pytest.mark.parametrize("status", ["trialing", "past_due", "unpaid", "paused"])
    @pytest.mark.parametrize("immediately", [True, False])
    def test_what_our_row_says_is_no_obstacle(
        self, app: Flask, seat: ProjectSeat, status: str, immediately: bool
    ) -> None:
        held = subscribed(app, seat, seat.end_user, new_price(seat.shop))
        with app.app_context(), transaction() as session:
            where = Row.subscription_id == held
            session.execute(sa.update(Row).where(where).values(status=status))
        answer = cancel(seat.end_user, {"cancel_immediately": immediately})
        assert answer.status_code == 200, answer.text
        assert answer.json["status"] == ("canceled" if immediately else "active")

    @pytest.mark.parametrize("immediately", [True, False])
    def test_one_whose_first_payment_is_open_ends_at_once(
        self, seat: ProjectSeat, incomplete: str, immediately: bool
    ) -> None:
        answer = cancel(seat.end_user, {"cancel_immediately": immediately})
        assert answer.status_code == 200, answer.text
        assert answer.json["status"] in {"canceled", "incomplete_expired"}
        assert answer.json["cancel_at"] is None
        assert answer.json["message"] == "Subscription has been canceled"
        assert at_stripe(seat, incomplete)["status"] == answer.json["status"]

    def test_a_paused_one_has_no_period_that_could_end(self, app: Flask, seat: ProjectSeat) -> None:
        """Its trial ended without a card."""
        account = account_of(seat)
        held = account.call(
            "POST",
            "subscriptions",
            customer=account.call("POST", "customers")["id"],
            trial_period_days=7,
            **{
                "items[0][price]": new_price(seat.shop),
                "trial_settings[end_behavior][missing_payment_method]": "pause",
            },
        )["id"]
        account.advance(8 * 86_400)
        assert at_stripe(seat, held)["status"] == "paused"
        add_subscription(app, seat, seat.end_user, subscription_id=held, status="paused")
        answer = cancel(seat.end_user)
        assert (answer.status_code, answer.json["status"]) == (200, "canceled")
        assert at_stripe(seat, held)["status"] == "canceled"

    def test_the_paid_one_goes_before_the_unpaid(
        self, app: Flask, seat: ProjectSeat, subscription: str
    ) -> None:
        add_subscription(app, seat, seat.end_user, status="unpaid")
        assert cancel(seat.end_user).json["subscription_id"] == subscription


class TestNothingToCancel:
    def test_nobody_subscribed_is_404(self, seat: ProjectSeat) -> None:
        answer = cancel(seat.end_user)
        assert answer.status_code == 404
        assert answer.json == {"detail": "No active subscription found"}

    @pytest.mark.parametrize("status", ["canceled", "incomplete", "unpaid", "paused"])
    def test_one_that_is_over_or_gone_is_404(
        self, app: Flask, seat: ProjectSeat, status: str
    ) -> None:
        add_subscription(app, seat, seat.end_user, status=status)
        assert cancel(seat.end_user).status_code == 404

    @pytest.mark.parametrize("at_once", [True, False])
    def test_one_that_stripe_does_not_know_is_404(
        self, app: Flask, seat: ProjectSeat, at_once: bool
    ) -> None:
        add_subscription(app, seat, seat.end_user)
        assert cancel(seat.end_user, {"cancel_immediately": at_once}).status_code == 404

    def test_somebody_elses_is_not_touched(
        self, app: Flask, seat: ProjectSeat, subscription: str
    ) -> None:
        other = seat.another_end_user()
        assert cancel(other, {"cancel_immediately": True}).status_code == 404
        assert at_stripe(seat, subscription)["status"] == "active"


class TestTestMode:
    @pytest.mark.parametrize("word", ["false", "0"])
    def test_false_is_not_configured_here(
        self, seat: ProjectSeat, subscription: str, word: str
    ) -> None:
        answer = cancel(seat.end_user, test_mode=word)
        assert answer.status_code == 404
        assert answer.json == {"detail": "Stripe is not configured for this project and mode"}
        assert at_stripe(seat, subscription)["cancel_at_period_end"] is False

    def test_a_subscription_of_the_other_mode_is_not_meant(
        self, app: Flask, neighbours: ProjectSeat
    ) -> None:
        user = neighbours.another_end_user()
        subscription = subscribed(app, neighbours, user, new_price(neighbours.shop))
        answer = cancel(user, {"cancel_immediately": True}, test_mode="false")
        assert answer.json == {"detail": "No active subscription found"}
        assert at_stripe(neighbours, subscription)["status"] == "active"

    @pytest.mark.parametrize("word", ["", "maybe"])
    def test_no_boolean_is_422(self, seat: ProjectSeat, word: str) -> None:
        assert cancel(seat.end_user, test_mode=word).status_code == 422


class TestBadInput:
    @pytest.mark.parametrize("bad", ["true", 1, None, [True]])
    def test_cancel_immediately_is_a_boolean(self, seat: ProjectSeat, bad: Any) -> None:
        answer = cancel(seat.end_user, {"cancel_immediately": bad})
        assert answer.status_code == 422
        assert answer.json["detail"][0]["loc"] == ["body", "cancel_immediately"]

    def test_the_body_is_an_object(self, seat: ProjectSeat) -> None:
        assert cancel(seat.end_user, [1]).status_code == 422

    def test_stripe_unreachable_is_502(
        self, settings: Settings, seat: ProjectSeat, subscription: str
    ) -> None:
        nowhere = f"http://127.0.0.1:{free_port()}"
        with another_app(settings, stripe_api_base=nowhere) as other:
            answer = other.test_client().post(PATH, json={}, headers=seat.end_user.headers)
        assert answer.status_code == 502


class TestWho:
    def test_nobody_is_401(self, client: FlaskClient) -> None:
        assert client.post(PATH, json={}).status_code == 401

    def test_a_developer_is_403(self, seat: ProjectSeat) -> None:
        assert seat.developer.post(PATH, {}).status_code == 403
