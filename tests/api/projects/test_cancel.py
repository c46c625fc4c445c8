"""`POST /api/v1/payments/stripe/cancel-subscription`: facts 6.4."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from payments.config import Settings
from payments.kit import clock
from tests.support.apps import another_app
from tests.support.developers import STRIPE, EndUser, ProjectSeat
from tests.support.ledger_rows import add_subscription, new_price, subscribed
from tests.support.processes import free_port
from tests.support.site import at_once

PATH = f"{STRIPE}/cancel-subscription"
FIELDS = {"subscription_id", "status", "cancel_at", "cancelled_at", "message"}
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


class TestNothingToCancel:
    def test_nobody_subscribed_is_404(self, seat: ProjectSeat) -> None:
        answer = cancel(seat.end_user)
        assert answer.status_code == 404
        assert answer.json == {"detail": "No active subscription found"}

    @pytest.mark.parametrize("status", ["canceled", "incomplete", "unpaid", "paused"])
    def test_an_ended_one_is_404(self, app: Flask, seat: ProjectSeat, status: str) -> None:
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
