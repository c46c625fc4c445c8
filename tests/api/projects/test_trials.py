"""A price's trial is granted once to an end user in each mode, unless their project allows more."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from tests.support.developers import STRIPE, EndUser, ProjectSeat
from tests.support.ledger_rows import add_subscription, new_price, requests_to
from tests.support.ledgers import NOON, Desk, subscription

URLS = {"success_url": "https://shop.example/s", "cancel_url": "https://shop.example/c"}


@pytest.fixture
def price(seat: ProjectSeat) -> str:
    return new_price(seat.shop, trial=14)


def offered(seat: ProjectSeat, user: EndUser, price: str) -> str | None:
    """Open a Checkout page; return the days of trial that it offers."""
    answer = user.post(f"{STRIPE}/checkout-session", {"price_id": price, **URLS})
    assert answer.status_code == 200, answer.text
    days = requests_to(seat.shop, "/v1/checkout/sessions")[-1]["subscription_data"]
    return None if days.get("trial_period_days") is None else str(days["trial_period_days"])


def allow(seat: ProjectSeat, allowed: Any) -> Any:
    return seat.developer.put(f"{seat.path}/config", {"allow_repeat_trials": allowed})


class TestOnce:
    def test_the_first_time_it_is_granted(
        self, app: Flask, seat: ProjectSeat, neighbours: ProjectSeat, price: str
    ) -> None:
        add_subscription(app, seat, seat.another_end_user(), status="canceled", had_trial=True)
        add_subscription(app, neighbours, neighbours.end_user, status="canceled", had_trial=True)
        add_subscription(
            app, seat, seat.end_user, status="canceled", had_trial=True, test_mode=False
        )
        add_subscription(app, seat, seat.end_user, status="canceled")
        assert offered(seat, seat.end_user, price) == "14"

    def test_the_second_time_it_is_not(self, app: Flask, seat: ProjectSeat, price: str) -> None:
        add_subscription(app, seat, seat.end_user, status="canceled", had_trial=True)
        assert offered(seat, seat.end_user, price) is None

    def test_unless_the_project_allows_it(self, app: Flask, seat: ProjectSeat, price: str) -> None:
        add_subscription(app, seat, seat.end_user, status="canceled", had_trial=True)
        assert allow(seat, True).json["allow_repeat_trials"] is True
        assert offered(seat, seat.end_user, price) == "14"
        assert allow(seat, False).json["allow_repeat_trials"] is False
        assert offered(seat, seat.end_user, price) is None


class TestTheSetting:
    def test_null_and_nothing_leave_it_as_it_is(self, seat: ProjectSeat) -> None:
        allow(seat, True)
        assert allow(seat, None).json["allow_repeat_trials"] is True
        saved = seat.developer.put(f"{seat.path}/config", {}).json
        assert saved["allow_repeat_trials"] is True

    @pytest.mark.parametrize("bad", ["true", 1, [True]])
    def test_it_is_a_boolean(self, seat: ProjectSeat, bad: Any) -> None:
        assert allow(seat, bad).status_code == 422

    def test_a_change_is_told_in_the_timeline(self, seat: ProjectSeat) -> None:
        allow(seat, True)
        query = {"kind": "stripe_config.saved"}
        entry = seat.developer.get(f"{seat.path}/timeline", query_string=query).json["entries"][0]
        assert entry["sentence"] == "The Stripe configuration was saved: allow_repeat_trials"


class TestHistory:
    def test_a_trial_is_remembered_when_it_is_over(self, desk: Desk) -> None:
        trial = {"trial_start": NOON - 99, "trial_end": NOON - 9}
        desk.take("customer.subscription.updated", subscription(**trial))
        assert desk.subscription().had_trial

    def test_without_one_there_was_none(self, desk: Desk) -> None:
        desk.take("customer.subscription.updated", subscription(trial_start=None, trial_end=None))
        assert not desk.subscription().had_trial
