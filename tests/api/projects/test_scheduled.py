"""Subscriptions under a schedule of the sandbox: cancelled with it, never changed under it."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from tests.support.deliveries import account_of
from tests.support.developers import STRIPE, ProjectSeat
from tests.support.histories import DAY
from tests.support.ledger_rows import new_price, subscribed

CANCEL, CHANGE = f"{STRIPE}/cancel-subscription", f"{STRIPE}/update-subscription"


@pytest.fixture
def scheduled(app: Flask, seat: ProjectSeat) -> str:
    """A subscription whose schedule moves it to a dearer price with its next period."""
    basic, dear = new_price(seat.shop, name="Basic"), new_price(seat.shop, name="Dear")
    held = subscribed(app, seat, seat.end_user, basic)
    schedule = seat.shop.stripe("POST", "/v1/subscription_schedules", from_subscription=held)
    assert "id" in schedule, schedule
    (phase,) = schedule["phases"]
    moved = seat.shop.stripe(
        "POST",
        f"/v1/subscription_schedules/{schedule['id']}",
        **{
            "phases[0][items][0][price]": basic,
            "phases[0][items][0][quantity]": 1,
            "phases[0][start_date]": phase["start_date"],
            "phases[0][end_date]": phase["end_date"],
            "phases[1][items][0][price]": dear,
            "phases[1][items][0][quantity]": 1,
        },
    )
    assert "id" in moved, moved
    return held


def at_stripe(seat: ProjectSeat, held: str) -> dict[str, Any]:
    return seat.shop.stripe("GET", f"/v1/subscriptions/{held}")


class TestCancel:
    def test_it_ends_with_its_period(self, app: Flask, seat: ProjectSeat, scheduled: str) -> None:
        answer = seat.end_user.post(CANCEL, {})
        assert answer.status_code == 200, answer.text
        held = at_stripe(seat, scheduled)
        assert (held["status"], held["cancel_at_period_end"], held["schedule"]) == (
            "active",
            True,
            None,
        )
        account_of(seat).control("clock/advance", seconds=32 * DAY)
        assert at_stripe(seat, scheduled)["status"] == "canceled"

    def test_it_ends_at_once(self, seat: ProjectSeat, scheduled: str) -> None:
        answer = seat.end_user.post(CANCEL, {"cancel_immediately": True})
        assert (answer.status_code, answer.json["status"]) == (200, "canceled")
        assert at_stripe(seat, scheduled)["status"] == "canceled"


class TestChangePlan:
    def test_it_is_told_as_such(self, seat: ProjectSeat, scheduled: str) -> None:
        before = at_stripe(seat, scheduled)["items"]["data"]
        answer = seat.end_user.post(CHANGE, {"new_price_id": new_price(seat.shop)})
        assert answer.status_code == 400
        assert "follows a schedule" in answer.json["detail"]
        assert at_stripe(seat, scheduled)["items"]["data"] == before
