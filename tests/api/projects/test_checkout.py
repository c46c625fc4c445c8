"""`POST /api/v1/payments/stripe/checkout-session`: facts section 4, field by field."""

from __future__ import annotations

import dataclasses
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from payments.config import Settings
from payments.gateway.billing import Billing
from payments.kit.db import db
from payments.kit.transactions import transaction
from payments.projects import credentials
from payments.projects.models import StripeCustomer, Subscription
from payments.projects.schemas.checkout import MOST_QUANTITY
from payments.timeline.models import TimelineEntry
from tests.support.apps import another_app
from tests.support.developers import (
    STRIPE,
    EndUser,
    ProjectSeat,
    allow_origins,
    new_api_key,
    new_project,
    register_end_user,
    sandbox_key,
    store_keys,
)
from tests.support.ledger_rows import (
    add_subscription,
    customers_of,
    new_price,
    requests_to,
    subscribed,
    user_id,
)
from tests.support.processes import free_port
from tests.support.site import at_once

PATH = f"{STRIPE}/checkout-session"
SESSIONS, CUSTOMERS = "/v1/checkout/sessions", "/v1/customers"
SUCCESS = "https://shop.example/ok?session={CHECKOUT_SESSION_ID}"
CANCEL = "https://shop.example/cancel"
NOT_OVER = ["active", "trialing", "past_due", "unpaid", "paused"]


def wish(price: str = "price_1", **more: Any) -> dict[str, Any]:
    return {"price_id": price, "success_url": SUCCESS, "cancel_url": CANCEL, **more}


def check_out(user: EndUser, price: str = "price_1", **more: Any) -> TestResponse:
    query = more.pop("query", {})
    return user.post(PATH, wish(price, **more), query_string=query)


def order(seat: ProjectSeat) -> dict[str, Any]:
    """Return the only session that Stripe was asked for."""
    (params,) = requests_to(seat.shop, SESSIONS)
    return params


@pytest.fixture
def price(seat: ProjectSeat) -> str:
    return new_price(seat.shop)


class TestSubscription:
    def test_it_answers_with_the_session_and_its_page(self, seat: ProjectSeat, price: str) -> None:
        answer = check_out(seat.end_user, price)
        assert answer.status_code == 200, answer.text
        assert answer.json.keys() == {"session_id", "checkout_url"}
        assert answer.json["session_id"].startswith("cs_")
        assert answer.json["checkout_url"].startswith(seat.shop.stripe_url)

    @pytest.mark.usefixtures("eve", "second")
    def test_the_session_is_what_was_wished_for(self, seat: ProjectSeat, price: str) -> None:
        check_out(seat.end_user, price)
        asked = order(seat)
        assert asked["mode"] == "subscription"
        assert asked["success_url"] == SUCCESS
        assert asked["cancel_url"] == CANCEL
        assert asked["client_reference_id"] == seat.end_user.user_id
        assert _items(asked) == [{"price": price, "quantity": 1}]

    def test_quantity(self, seat: ProjectSeat, price: str) -> None:
        assert check_out(seat.end_user, price, quantity=7).status_code == 200
        assert _items(order(seat)) == [{"price": price, "quantity": 7}]

    def test_no_row_stands_before_the_webhook(self, seat: ProjectSeat, price: str) -> None:
        check_out(seat.end_user, price)
        assert seat.end_user.get(f"{STRIPE}/my-subscription").json is None
        listed = seat.developer.get(f"{seat.path}/subscriptions").json
        assert listed["subscriptions"] == []

    def test_the_trial_is_the_prices(self, seat: ProjectSeat) -> None:
        trial = new_price(seat.shop, trial=14)
        assert check_out(seat.end_user, trial).status_code == 200
        assert str(order(seat)["subscription_data"]["trial_period_days"]) == "14"

    def test_without_one_there_is_none(self, seat: ProjectSeat, price: str) -> None:
        check_out(seat.end_user, price, trial_period_days=30)
        assert "trial_period_days" not in order(seat)["subscription_data"]

    def test_unknown_fields_are_ignored(self, seat: ProjectSeat, price: str) -> None:
        assert check_out(seat.end_user, price, user_id="somebody", colour=1).status_code == 200


class TestPayment:
    def test_a_one_time_price_is_paid_once(self, seat: ProjectSeat) -> None:
        once = new_price(seat.shop, interval=None)
        assert check_out(seat.end_user, once, mode="payment", quantity=2).status_code == 200
        asked = order(seat)
        assert asked["mode"] == "payment"
        assert "subscription_data" not in asked
        assert asked["payment_intent_data"]["metadata"]["user_id"] == seat.end_user.user_id

    def test_a_subscriber_may_pay_once(self, app: Flask, seat: ProjectSeat) -> None:
        add_subscription(app, seat, seat.end_user)
        once = new_price(seat.shop, interval=None)
        assert check_out(seat.end_user, once, mode="payment").status_code == 200


class TestMetadata:
    def ours(self, seat: ProjectSeat) -> dict[str, str]:
        return {"user_id": seat.end_user.user_id, "project_id": seat.project_id}

    def test_ours_is_there_without_any(self, seat: ProjectSeat, price: str) -> None:
        check_out(seat.end_user, price, metadata=None)
        asked = order(seat)
        assert asked["metadata"] == self.ours(seat)
        sold = {"plan_price_id": price, **self.ours(seat)}
        assert asked["subscription_data"]["metadata"] == sold

    def test_values_become_texts(self, seat: ProjectSeat, price: str) -> None:
        given = {
            "text": "a b", "empty": "", "count": 7, "decimal": 1.5, "true": True, "null": None,
            "list": [1, "a"], "object": {"a": {"b": None}}, "letters": "東京",
        }  # fmt: skip
        assert check_out(seat.end_user, price, metadata=given).status_code == 200
        told = order(seat)["metadata"]
        told.setdefault("empty", "")
        assert told == {
            "text": "a b", "empty": "", "count": "7", "decimal": "1.5", "true": "true",
            "list": '[1,"a"]', "object": '{"a":{"b":null}}', "letters": "東京", **self.ours(seat),
        }  # fmt: skip

    def test_ours_wins(self, seat: ProjectSeat, price: str) -> None:
        forged = {"user_id": str(uuid4()), "project_id": str(uuid4()), "plan": "pro"}
        forged["plan_price_id"] = "price_free"
        check_out(seat.end_user, price, metadata=forged)
        asked = order(seat)
        assert asked["metadata"] == {"plan": "pro", **self.ours(seat)}
        sold = {"plan_price_id": price, "plan": "pro", **self.ours(seat)}
        assert asked["subscription_data"]["metadata"] == sold

    def test_as_much_as_stripe_takes(self, seat: ProjectSeat, price: str) -> None:
        most = {f"{n:040d}": "v" * 500 for n in range(47)}
        assert check_out(seat.end_user, price, metadata=most).status_code == 200
        assert len(order(seat)["metadata"]) == 49

    def test_without_a_key_left_the_sold_price_is_not_written(
        self, seat: ProjectSeat, price: str
    ) -> None:
        most = {f"{n:040d}": "v" for n in range(47)}
        answer = check_out(seat.end_user, price, metadata=most, allow_existing_subscription=True)
        assert answer.status_code == 200
        written = order(seat)["subscription_data"]["metadata"]
        assert len(written) == 50
        assert "plan_price_id" not in written

    @pytest.mark.parametrize(
        "bad",
        [
            {f"key{n}": "v" for n in range(48)},
            {"k" * 41: "v"},
            {"": "v"},
            {"a[b]": "v"},
            {"a": "v" * 501},
            {"a": ["v" * 500]},
            {"a": "b\x00"},
            {"a": "\ud800"},
            {"a": ["\ud800"]},
            {"\ud800": "a"},
            {"a": float("nan")},
            ["a"],
            "a",
            7,
        ],
        ids=repr,
    )
    def test_more_is_422(self, seat: ProjectSeat, bad: Any) -> None:
        answer = check_out(seat.end_user, metadata=bad)
        assert answer.status_code == 422
        assert [fault["loc"] for fault in answer.json["detail"]] == [["body", "metadata"]]

    def test_endlessly_nested_values_are_422(self, seat: ProjectSeat) -> None:
        deep: Any = {"a": "[" * 3}
        for _ in range(300):
            deep = {"a": deep}
        assert check_out(seat.end_user, metadata=deep).status_code == 422


class TestAlreadySubscribed:
    @pytest.mark.parametrize("status", NOT_OVER)
    def test_it_is_400(
        self,
        app: Flask,
        seat: ProjectSeat,
        price: str,
        status: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        held = subscribed(app, seat, seat.end_user, price)
        monkeypatch.setattr(Billing, "list_statuses", lambda *_: {held: status})
        answer = check_out(seat.end_user, price)
        assert answer.status_code == 400
        assert answer.json == {"detail": "An active subscription exists already"}
        assert requests_to(seat.shop, SESSIONS) == []

    def test_our_row_alone_refuses_nobody(self, app: Flask, seat: ProjectSeat, price: str) -> None:
        """The event of its end is still under way."""
        held = subscribed(app, seat, seat.end_user, price)
        seat.shop.stripe("DELETE", f"/v1/subscriptions/{held}")
        assert check_out(seat.end_user, price).status_code == 200
        assert statuses(app, seat) == {held: "canceled"}

    def test_one_of_another_customer_counts(
        self, app: Flask, seat: ProjectSeat, price: str
    ) -> None:
        """Stripe's list of their customer does not show it."""
        subscribed(app, seat, seat.end_user, price)
        customer = seat.shop.stripe("POST", "/v1/customers", email="other@example.com")["id"]
        with app.app_context(), transaction() as session:
            where = StripeCustomer.user_id == user_id(seat.end_user)
            session.execute(sa.update(StripeCustomer).where(where).values(customer_id=customer))
        assert check_out(seat.end_user, price).status_code == 400

    def test_an_unpaid_beginning_is_ended_first(
        self, app: Flask, seat: ProjectSeat, price: str
    ) -> None:
        held = begun(app, seat, price)
        assert check_out(seat.end_user, price).status_code == 200
        ended = seat.shop.stripe("GET", f"/v1/subscriptions/{held}")["status"]
        assert ended in {"canceled", "incomplete_expired"}
        assert statuses(app, seat) == {held: ended}

    def test_it_stays_where_another_one_is_allowed(
        self, app: Flask, seat: ProjectSeat, price: str
    ) -> None:
        held = begun(app, seat, price)
        answer = check_out(seat.end_user, price, allow_existing_subscription=True)
        assert answer.status_code == 200
        assert seat.shop.stripe("GET", f"/v1/subscriptions/{held}")["status"] == "incomplete"

    @pytest.mark.parametrize("status", ["active", "trialing", "past_due"])
    def test_allow_existing_subscription(
        self, app: Flask, seat: ProjectSeat, price: str, status: str
    ) -> None:
        add_subscription(app, seat, seat.end_user, status=status)
        answer = check_out(seat.end_user, price, allow_existing_subscription=True)
        assert answer.status_code == 200

    @pytest.mark.parametrize(
        "status", ["canceled", "incomplete", "incomplete_expired", "unpaid", "paused"]
    )
    def test_another_status_does_not_block(
        self, app: Flask, seat: ProjectSeat, price: str, status: str
    ) -> None:
        add_subscription(app, seat, seat.end_user, status=status)
        assert check_out(seat.end_user, price).status_code == 200

    def test_somebody_elses_does_not_block(
        self, app: Flask, seat: ProjectSeat, neighbours: ProjectSeat, price: str
    ) -> None:
        add_subscription(app, seat, seat.another_end_user())
        add_subscription(app, seat)
        add_subscription(app, neighbours, neighbours.end_user)
        assert check_out(seat.end_user, price).status_code == 200

    def test_nor_does_one_of_the_other_mode(
        self, app: Flask, seat: ProjectSeat, price: str
    ) -> None:
        add_subscription(app, seat, seat.end_user, test_mode=False)
        assert check_out(seat.end_user, price).status_code == 200


class TestCustomer:
    def test_the_first_time_makes_it(self, app: Flask, seat: ProjectSeat, price: str) -> None:
        check_out(seat.end_user, price)
        ((is_test, customer),) = customers_of(app, seat.end_user)
        assert is_test is True
        assert order(seat)["customer"] == customer
        held = seat.shop.stripe("GET", f"{CUSTOMERS}/{customer}")
        assert held["email"] == seat.end_user.email
        assert held["metadata"] == {
            "user_id": seat.end_user.user_id,
            "project_id": seat.project_id,
        }

    def test_the_second_time_uses_it(self, app: Flask, seat: ProjectSeat, price: str) -> None:
        check_out(seat.end_user, price)
        check_out(seat.end_user, price)
        ((_, customer),) = customers_of(app, seat.end_user)
        assert {asked["customer"] for asked in requests_to(seat.shop, SESSIONS)} == {customer}
        assert len(requests_to(seat.shop, CUSTOMERS)) == 1

    def test_each_end_user_has_his_own(self, app: Flask, seat: ProjectSeat, price: str) -> None:
        other = seat.another_end_user()
        check_out(seat.end_user, price)
        check_out(other, price)
        assert customers_of(app, seat.end_user) != customers_of(app, other)

    def test_eight_requests_at_once_make_one(
        self, app: Flask, seat: ProjectSeat, price: str
    ) -> None:
        def check_out_alone() -> int:
            own = app.test_client()
            return own.post(PATH, json=wish(price), headers=seat.end_user.headers).status_code

        assert at_once([check_out_alone] * 8) == [200] * 8
        ((_, customer),) = customers_of(app, seat.end_user)
        assert {asked["customer"] for asked in requests_to(seat.shop, SESSIONS)} == {customer}
        assert len(seat.shop.stripe("GET", CUSTOMERS, limit=100)["data"]) == 1

    def test_one_that_was_deleted_at_stripe_is_replaced(
        self, app: Flask, seat: ProjectSeat, price: str
    ) -> None:
        check_out(seat.end_user, price)
        ((_, gone),) = customers_of(app, seat.end_user)
        seat.shop.stripe("DELETE", f"{CUSTOMERS}/{gone}")
        assert check_out(seat.end_user, price).status_code == 200
        ((_, customer),) = customers_of(app, seat.end_user)
        assert customer != gone

    def test_keys_of_another_account_need_another_customer(
        self, app: Flask, seat: ProjectSeat, price: str
    ) -> None:
        check_out(seat.end_user, price)
        ((_, gone),) = customers_of(app, seat.end_user)
        store_keys(seat.developer, seat.project_id, test_secret_key=sandbox_key())
        moved = _with_keys_of(app, seat)
        assert check_out(seat.end_user, new_price(moved.shop)).status_code == 200
        ((_, customer),) = customers_of(app, seat.end_user)
        assert customer != gone

    def test_a_customer_is_told_in_the_timeline(
        self, app: Flask, seat: ProjectSeat, price: str
    ) -> None:
        check_out(seat.end_user, price)
        ((_, customer),) = customers_of(app, seat.end_user)
        with app.app_context():
            entry = db.session.query(TimelineEntry).filter_by(stripe_id=customer).one()
            assert (entry.kind, entry.project_id) == ("customer.created", seat.project_id)


class TestBadPrice:
    @pytest.mark.parametrize(
        "price", ["price_unknown", "no price", "../customers", "a/b", "..", "ü", "a?b=c", "a%2Fb"]
    )
    def test_an_unknown_one_is_400(self, seat: ProjectSeat, price: str) -> None:
        answer = check_out(seat.end_user, price)
        assert answer.status_code == 400
        assert answer.json == {"detail": "Invalid price"}

    def test_one_of_another_account_is_400(
        self, seat: ProjectSeat, neighbours: ProjectSeat
    ) -> None:
        assert check_out(seat.end_user, new_price(neighbours.shop)).status_code == 400

    def test_one_that_is_no_longer_sold_is_400(self, seat: ProjectSeat, price: str) -> None:
        seat.shop.stripe("POST", f"/v1/prices/{price}", active="false")
        answer = check_out(seat.end_user, price)
        assert answer.status_code == 400
        assert "active" in answer.json["detail"]

    def test_one_for_the_other_mode_is_400(self, seat: ProjectSeat, price: str) -> None:
        once = new_price(seat.shop, interval=None)
        assert check_out(seat.end_user, once).status_code == 400
        assert check_out(seat.end_user, price, mode="payment").status_code == 400

    def test_nothing_was_made_for_it(self, app: Flask, seat: ProjectSeat) -> None:
        check_out(seat.end_user, "price_unknown")
        assert customers_of(app, seat.end_user) == []


class TestBadInput:
    @pytest.mark.parametrize(
        ("field", "bad"),
        [
            ("price_id", ""),
            ("price_id", None),
            ("price_id", 7),
            ("price_id", "a" * 256),
            ("price_id", "a\x00"),
            ("mode", "setup"),
            ("mode", "Subscription"),
            ("mode", "subscription\n"),
            ("mode", None),
            ("quantity", 0),
            ("quantity", -1),
            ("quantity", "2"),
            ("quantity", 1.5),
            ("quantity", True),
            ("quantity", None),
            ("quantity", MOST_QUANTITY + 1),
            ("quantity", 10**30),
            ("allow_existing_subscription", "true"),
            ("allow_existing_subscription", 1),
            ("allow_existing_subscription", None),
        ],
    )
    def test_it_is_422(self, seat: ProjectSeat, field: str, bad: Any) -> None:
        answer = seat.end_user.post(PATH, {**wish(), field: bad})
        assert answer.status_code == 422
        assert [fault["loc"] for fault in answer.json["detail"]] == [["body", field]]

    @pytest.mark.parametrize("field", ["price_id", "success_url", "cancel_url"])
    def test_required(self, seat: ProjectSeat, field: str) -> None:
        body = wish()
        del body[field]
        answer = seat.end_user.post(PATH, body)
        assert answer.status_code == 422
        (fault,) = answer.json["detail"]
        assert (fault["loc"], fault["type"]) == (["body", field], "missing")

    def test_the_defaults(self, seat: ProjectSeat, price: str) -> None:
        assert check_out(seat.end_user, price).status_code == 200
        assert order(seat)["mode"] == "subscription"


class TestTestMode:
    @pytest.mark.parametrize("word", ["true", "1", "True"])
    def test_true(self, seat: ProjectSeat, price: str, word: str) -> None:
        answer = check_out(seat.end_user, price, query={"test_mode": word})
        assert answer.status_code == 200

    @pytest.mark.parametrize("word", ["false", "0", "FALSE"])
    def test_false_is_live_and_not_configured_here(self, seat: ProjectSeat, word: str) -> None:
        answer = check_out(seat.end_user, query={"test_mode": word})
        assert answer.status_code == 404
        assert answer.json == {"detail": "Stripe is not configured for this project and mode"}

    def test_live_keys_and_customers_are_their_own(
        self, app: Flask, neighbours: ProjectSeat
    ) -> None:
        user = neighbours.another_end_user("Liv")
        live = _with_live_keys(neighbours)
        assert check_out(user, new_price(neighbours.shop)).status_code == 200
        sold = new_price(live.shop)
        refused = check_out(user, sold, query={"test_mode": "false"})
        sentence = "Live mode needs the project's allowed_origins, and it has none"
        assert (refused.status_code, refused.json) == (400, {"detail": sentence})
        origins = ("https://shop.example", "http://shop.example")
        allow_origins(neighbours.developer, neighbours.project_id, *origins)
        plain = {"success_url": "http://shop.example/", "cancel_url": "https://shop.example/"}
        answer = check_out(user, sold, query={"test_mode": "false"}, **plain)
        assert (answer.status_code, "https://" in answer.json["detail"]) == (400, True)
        https = {"success_url": "https://shop.example/", "cancel_url": "https://shop.example/"}
        answer = check_out(user, sold, query={"test_mode": "false"}, **https)
        allow_origins(neighbours.developer, neighbours.project_id)
        assert answer.status_code == 200
        assert sorted(mode for mode, _ in customers_of(app, user)) == [False, True]

    @pytest.mark.parametrize("word", ["", "yes", "2", "truefalse", "null"])
    def test_anything_else_is_422(self, seat: ProjectSeat, word: str) -> None:
        answer = check_out(seat.end_user, query={"test_mode": word})
        assert answer.status_code == 422
        assert answer.json["detail"][0]["loc"] == ["query", "test_mode"]


class TestNotConfigured:
    def test_a_project_without_keys_is_404(self, client: FlaskClient, seat: ProjectSeat) -> None:
        bare = new_project(seat.developer, "Bare")
        key = new_api_key(seat.developer, bare)
        assert check_out(register_end_user(client, bare, key)).status_code == 404

    def test_a_deleted_configuration_is_404(self, seat: ProjectSeat, price: str) -> None:
        assert seat.developer.delete(f"{seat.path}/config").status_code == 204
        assert check_out(seat.end_user, price).status_code == 404

    def test_a_deleted_project_is_404(self, seat: ProjectSeat, price: str) -> None:
        user, path = seat.end_user, f"/api/v1/projects/{seat.project_id}"
        assert seat.developer.delete(path).status_code == 204
        answer = check_out(user, price)
        assert answer.status_code == 404
        assert answer.json == {"detail": "Project not found"}


class TestStripeFails:
    def test_stripe_unreachable_is_502(
        self, settings: Settings, seat: ProjectSeat, price: str
    ) -> None:
        nowhere = f"http://127.0.0.1:{free_port()}"
        with another_app(settings, stripe_api_base=nowhere) as other:
            answer = other.test_client().post(PATH, json=wish(price), headers=seat.end_user.headers)
        assert answer.status_code == 502
        assert answer.json == {"detail": "Stripe could not be reached, try again"}

    @pytest.mark.parametrize("code", [None, "resource_missing"])
    def test_what_stripe_refuses_is_400(
        self, seat: ProjectSeat, price: str, code: str | None
    ) -> None:
        error = {"type": "invalid_request_error", "message": "The amount is too small."}
        fault = {"match": {"path": SESSIONS}, "action": "error", "status": 400, "times": 2}
        seat.shop.control("POST", "faults", {**fault, "error": {**error, "code": code}})
        answer = check_out(seat.end_user, price)
        assert answer.status_code == 400
        assert answer.json == {"detail": "Stripe refused the request"}

    def test_a_customer_that_the_account_does_not_know_blocks_nobody(
        self, seat: ProjectSeat, price: str
    ) -> None:
        check_out(seat.end_user, price)
        error = {"type": "invalid_request_error", "message": "No such customer"}
        error["code"] = "resource_missing"
        match = {"path": "/v1/subscriptions", "method": "GET"}
        fault = {"match": match, "action": "error", "status": 404, "error": error}
        seat.shop.control("POST", "faults", fault)
        assert check_out(seat.end_user, price).status_code == 200

    @pytest.mark.parametrize("path", [SESSIONS, CUSTOMERS])
    def test_an_outcome_that_nobody_knows_is_502(
        self, seat: ProjectSeat, price: str, path: str
    ) -> None:
        fault = {"match": {"method": "POST", "path": path}, "action": "drop_after"}
        seat.shop.control("POST", "faults", fault)
        assert check_out(seat.end_user, price).status_code == 502

    def test_a_refused_key_is_502_and_not_told(self, seat: ProjectSeat, price: str) -> None:
        store_keys(seat.developer, seat.project_id, test_secret_key="sk_test_tooshrt")
        answer = check_out(seat.end_user, price)
        assert answer.status_code == 502
        assert "sk_" not in answer.text


class TestWho:
    def test_another_projects_header_is_401(
        self, seat: ProjectSeat, neighbours: ProjectSeat
    ) -> None:
        headers = {"X-Project-ID": neighbours.project_id}
        assert seat.end_user.post(PATH, wish(), headers=headers).status_code == 401

    def test_his_own_header_is_fine(self, seat: ProjectSeat, price: str) -> None:
        headers = {"X-Project-ID": seat.project_id}
        assert seat.end_user.post(PATH, wish(price), headers=headers).status_code == 200

    def test_nobody_is_401(self, client: FlaskClient, seat: ProjectSeat) -> None:
        answer = client.post(PATH, json=wish())
        assert answer.status_code == 401
        assert answer.json == {"detail": "Could not validate credentials"}

    def test_a_developer_is_403(self, seat: ProjectSeat) -> None:
        assert seat.developer.post(PATH, wish()).status_code == 403


def begun(app: Flask, seat: ProjectSeat, price: str) -> str:
    """Let the end user have a subscription whose first payment is open; return its id."""
    first = subscribed(app, seat, seat.end_user, price)
    (customer,) = {held for _, held in customers_of(app, seat.end_user)}
    seat.shop.stripe("DELETE", f"/v1/subscriptions/{first}")
    with app.app_context(), transaction() as session:
        session.execute(sa.delete(Subscription).where(Subscription.subscription_id == first))
    made = seat.shop.stripe(
        "POST",
        "/v1/subscriptions",
        customer=customer,
        payment_behavior="default_incomplete",
        **{"items[0][price]": price},
    )
    assert made["status"] == "incomplete", made
    add_subscription(app, seat, seat.end_user, subscription_id=made["id"], status="incomplete")
    return str(made["id"])


def statuses(app: Flask, seat: ProjectSeat) -> dict[str, str]:
    """Return the statuses of the project's rows by Stripe's ids."""
    with app.app_context():
        query = sa.select(Subscription.subscription_id, Subscription.status).where(
            Subscription.project_id == seat.project_id
        )
        return dict(db.session.execute(query).all())


def _items(asked: dict[str, Any]) -> list[dict[str, Any]]:
    listed = asked["line_items"]
    lines = listed if isinstance(listed, list) else list(listed.values())
    return [{"price": line["price"], "quantity": int(line["quantity"])} for line in lines]


def _with_live_keys(seat: ProjectSeat) -> ProjectSeat:
    return dataclasses.replace(seat, secret_key=str(seat.live_secret_key))


def _with_keys_of(app: Flask, seat: ProjectSeat) -> ProjectSeat:
    """Return the seat with the test key that is stored for its project now."""
    with app.app_context():
        return dataclasses.replace(seat, secret_key=credentials.secret_key(seat.project_id, "test"))


class TestTwoAtOnce:
    def test_the_second_waits_for_the_first_ones_customer(
        self, app: Flask, seat: ProjectSeat, price: str
    ) -> None:
        """Stripe answers 409 while the first request with the same key is under way."""
        match = {"method": "POST", "path": CUSTOMERS}
        delay = {"match": match, "action": "delay", "ms": 400, "when": "after", "times": 1}
        seat.shop.control("POST", "faults", delay)

        def check_out_alone() -> int:
            own = app.test_client()
            return own.post(PATH, json=wish(price), headers=seat.end_user.headers).status_code

        assert at_once([check_out_alone] * 2) == [200, 200]
        assert len(customers_of(app, seat.end_user)) == 1
