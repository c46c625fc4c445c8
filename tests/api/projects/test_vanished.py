"""Subscriptions that Stripe no longer has: their end users are neither kept nor locked out."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from payments.kit.db import db
from payments.kit.transactions import transaction
from payments.projects.models import Subscription
from payments.projects.sync import subscriptions
from payments.projects.sync.account import Account
from payments.projects.sync.book import Book
from tests.support.developers import STRIPE, EndUser, ProjectSeat, sandbox_key, store_keys
from tests.support.ledger_rows import add_subscription, new_price, subscribed
from tests.support.ledgers import NOON, Desk, subscription

UPDATED = "customer.subscription.updated"
URLS = {"success_url": "https://shop.example/s", "cancel_url": "https://shop.example/c"}
GONE = {"type": "invalid_request_error", "code": "resource_missing", "message": "No such thing"}


@pytest.fixture
def key() -> str:
    """The key of another account, which takes the place of the project's."""
    return sandbox_key()


@pytest.fixture
def vanished(app: Flask, seat: ProjectSeat, key: str) -> str:
    """A subscription of the end user at an account that the project's keys are no longer of."""
    held = subscribed(app, seat, seat.end_user, new_price(seat.shop))
    add_subscription(app, seat, seat.another_end_user())
    store_keys(seat.developer, seat.project_id, test_secret_key=key)
    return held


def row_of(app: Flask, subscription_id: str) -> Subscription:
    with app.app_context():
        query = sa.select(Subscription).where(Subscription.subscription_id == subscription_id)
        row = db.session.scalars(query).one()
        db.session.expunge_all()
        return row


def outcome(app: Flask, subscription_id: str) -> tuple[str, str | None]:
    row = row_of(app, subscription_id)
    return row.status, row.ended_reason


def post(user: EndUser, path: str, **body: Any) -> int:
    return user.post(f"{STRIPE}/{path}", body).status_code


class TestItsRowEnds:
    @pytest.mark.parametrize("immediately", [True, False])
    def test_by_a_cancellation(
        self, app: Flask, seat: ProjectSeat, vanished: str, immediately: bool
    ) -> None:
        user = seat.end_user
        assert post(user, "cancel-subscription", cancel_immediately=immediately) == 404
        assert outcome(app, vanished) == ("canceled", "gone_at_stripe")
        assert row_of(app, vanished).cancelled_at is not None
        assert user.get(f"{STRIPE}/my-subscription").json is None

    def test_by_a_change_of_plan(self, app: Flask, seat: ProjectSeat, vanished: str) -> None:
        assert post(seat.end_user, "update-subscription", new_price_id="price_1") == 404
        assert outcome(app, vanished) == ("canceled", "gone_at_stripe")

    def test_by_a_visit_to_the_portal(self, app: Flask, seat: ProjectSeat, vanished: str) -> None:
        answer = post(seat.end_user, "customer-portal", return_url="https://shop.example")
        assert answer == 404
        assert outcome(app, vanished) == ("canceled", "gone_at_stripe")

    def test_by_a_checkout_which_opens(
        self, app: Flask, seat: ProjectSeat, vanished: str, key: str
    ) -> None:
        price = new_price(dataclasses.replace(seat, secret_key=key).shop)
        assert post(seat.end_user, "checkout-session", price_id=price, **URLS) == 200
        assert outcome(app, vanished) == ("canceled", "gone_at_stripe")

    def test_and_the_next_one_is_meant(self, app: Flask, seat: ProjectSeat) -> None:
        """Of two subscriptions the newer is gone: the older one is still billed."""
        alive = subscribed(app, seat, seat.end_user, new_price(seat.shop))
        gone = add_subscription(app, seat, seat.end_user)["subscription_id"]
        answer = seat.end_user.post(f"{STRIPE}/cancel-subscription", {})
        assert (answer.status_code, answer.json["subscription_id"]) == (200, alive)
        assert outcome(app, gone) == ("canceled", "gone_at_stripe")

    def test_and_the_plan_of_the_next_one_is_changed(self, app: Flask, seat: ProjectSeat) -> None:
        alive = subscribed(app, seat, seat.end_user, new_price(seat.shop))
        gone = add_subscription(app, seat, seat.end_user)["subscription_id"]
        body = {"new_price_id": new_price(seat.shop)}
        answer = seat.end_user.post(f"{STRIPE}/update-subscription", body)
        assert (answer.status_code, answer.json["subscription_id"]) == (200, alive)
        assert outcome(app, gone) == ("canceled", "gone_at_stripe")

    def test_and_the_developer_is_told(self, seat: ProjectSeat, vanished: str) -> None:
        post(seat.end_user, "cancel-subscription")
        (shown, *_) = seat.developer.get(f"{seat.path}/subscriptions").json["subscriptions"][::-1]
        assert (shown["subscription_id"], shown["ended_reason"]) == (vanished, "gone_at_stripe")
        query = {"kind": "subscription.gone_at_stripe"}
        told = seat.developer.get(f"{seat.path}/timeline", query_string=query).json["entries"]
        sentence = f"Subscription {vanished} is no longer at Stripe, so it ended here"
        assert [entry["sentence"] for entry in told] == [sentence]


class TestItGoesOn:
    def fail(self, seat: ProjectSeat, method: str, path: str, **fault: Any) -> None:
        match = {"method": method, "path": path}
        seat.shop.control("POST", "faults", {"match": match, "action": "error", **fault})

    def test_when_something_else_is_missing(self, app: Flask, seat: ProjectSeat) -> None:
        """The refusal says `resource_missing`, the subscription itself is there."""
        held = subscribed(app, seat, seat.end_user, new_price(seat.shop))
        self.fail(seat, "POST", f"/v1/subscriptions/{held}", status=404, error=GONE)
        assert post(seat.end_user, "cancel-subscription") == 400
        assert outcome(app, held) == ("active", None)

    def test_when_the_key_is_refused(self, app: Flask, seat: ProjectSeat) -> None:
        held = subscribed(app, seat, seat.end_user, new_price(seat.shop))
        store_keys(seat.developer, seat.project_id, test_secret_key="sk_test_tooshrt")
        assert post(seat.end_user, "cancel-subscription", cancel_immediately=True) == 502
        assert outcome(app, held) == ("active", None)

    def test_when_it_may_not_be_looked_at(self, app: Flask, seat: ProjectSeat) -> None:
        held = subscribed(app, seat, seat.end_user, new_price(seat.shop))
        refused = {"type": "invalid_request_error", "message": "Not readable."}
        self.fail(seat, "GET", f"/v1/subscriptions/{held}", status=400, error=refused)
        assert post(seat.end_user, "update-subscription", new_price_id="price_1") == 400
        assert outcome(app, held) == ("active", None)

    def test_when_stripe_gives_no_answer(self, app: Flask, seat: ProjectSeat) -> None:
        held = subscribed(app, seat, seat.end_user, new_price(seat.shop))
        self.fail(seat, "POST", f"/v1/subscriptions/{held}", status=404, error=GONE)
        match = {"method": "GET", "path": f"/v1/subscriptions/{held}"}
        fault = {"match": match, "action": "status", "status": 500, "times": 9}
        seat.shop.control("POST", "faults", fault)
        assert post(seat.end_user, "cancel-subscription") == 502
        assert outcome(app, held) == ("active", None)


class TestWhatStripeSaysLater:
    def vanish(self, desk: Desk) -> None:
        with desk.app.app_context(), transaction():
            book = Book(Account(desk.seat.project_id, True))
            assert subscriptions.end_vanished(book, "sub_1", actor="test") is not None
            book.close()

    def test_a_subscription_that_turns_up_again_lives(self, desk: Desk) -> None:
        """The keys were those of another account for a while."""
        desk.take(UPDATED, subscription(), at=NOON)
        self.vanish(desk)
        assert desk.totals().active_subscriptions == 0
        desk.take(UPDATED, subscription(), at=NOON + 1)
        row = desk.subscription()
        assert (row.status, row.ended_reason, row.cancelled_at) == ("active", None, None)
        assert desk.totals().active_subscriptions == 1

    def test_its_real_end_takes_the_place_of_the_reason(self, desk: Desk) -> None:
        desk.take(UPDATED, subscription(), at=NOON)
        self.vanish(desk)
        ended = subscription(status="canceled", canceled_at=NOON)
        desk.take("customer.subscription.deleted", ended, at=NOON + 1)
        assert (desk.subscription().status, desk.subscription().ended_reason) == ("canceled", None)

    def test_what_is_over_does_not_vanish(self, desk: Desk) -> None:
        ended = subscription(status="canceled", canceled_at=NOON)
        desk.take("customer.subscription.deleted", ended, at=NOON)
        with desk.app.app_context(), transaction():
            book = Book(Account(desk.seat.project_id, True))
            assert subscriptions.end_vanished(book, "sub_1", actor="test") is None
            assert subscriptions.end_vanished(book, "sub_none", actor="test") is None
        assert desk.subscription().ended_reason is None
