"""`GET /api/v1/payments/stripe/my-subscription`: facts 6.1."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.developers import (
    STRIPE,
    ProjectSeat,
    new_api_key,
    new_project,
    register_end_user,
)
from tests.support.ledger_rows import add_subscription

PATH = f"{STRIPE}/my-subscription"


class TestMySubscription:
    def test_every_field(self, app: Flask, seat: ProjectSeat) -> None:
        def at(month: int) -> datetime:
            return datetime(2026, month, 2, 3, 4, 5, 678000, tzinfo=UTC)

        row = add_subscription(
            app, seat, seat.end_user, customer_id="cus_1", plan_name="Pro", quantity=3,
            current_period_start=at(1), current_period_end=at(2), cancel_at=at(3),
            cancelled_at=at(4), created_at=at(5), price_id="price_1",
        )  # fmt: skip
        answer = seat.end_user.get(PATH)
        assert answer.status_code == 200
        assert answer.json == {
            "id": row["id"],
            "project_id": seat.project_id,
            "user_id": seat.end_user.user_id,
            "is_test_mode": True,
            "subscription_id": row["subscription_id"],
            "customer_id": "cus_1",
            "status": "active",
            "plan_name": "Pro",
            "quantity": 3,
            "current_period_start": "2026-01-02T03:04:05.678Z",
            "current_period_end": "2026-02-02T03:04:05.678Z",
            "cancel_at": "2026-03-02T03:04:05.678Z",
            "cancelled_at": "2026-04-02T03:04:05.678Z",
            "created_at": "2026-05-02T03:04:05.678Z",
            "add_ons": [],
            "ended_reason": None,
        }

    def test_without_one_it_is_null(self, seat: ProjectSeat) -> None:
        answer = seat.end_user.get(PATH)
        assert (answer.status_code, answer.json) == (200, None)
        assert answer.data.strip() == b"null"

    def test_unknown_moments_and_names_are_null(self, app: Flask, seat: ProjectSeat) -> None:
        add_subscription(app, seat, seat.end_user)
        told = seat.end_user.get(PATH).json
        names = ("plan_name", "customer_id", "current_period_end", "cancel_at", "cancelled_at")
        assert [told[name] for name in names] == [None] * 5

    @pytest.mark.parametrize("status", ["active", "trialing", "past_due"])
    def test_it_is_current_while(self, app: Flask, seat: ProjectSeat, status: str) -> None:
        add_subscription(app, seat, seat.end_user, status=status)
        assert seat.end_user.get(PATH).json["status"] == status

    @pytest.mark.parametrize(
        "status", ["canceled", "incomplete", "incomplete_expired", "unpaid", "paused"]
    )
    def test_it_is_not_while(self, app: Flask, seat: ProjectSeat, status: str) -> None:
        add_subscription(app, seat, seat.end_user, status=status)
        assert seat.end_user.get(PATH).json is None

    @pytest.mark.parametrize("status", ["incomplete", "unpaid", "paused"])
    def test_include_inactive_also_shows_what_may_be_billed_again(
        self, app: Flask, seat: ProjectSeat, status: str
    ) -> None:
        add_subscription(app, seat, seat.end_user, status=status)
        add_subscription(app, seat, seat.end_user, status="canceled")
        add_subscription(app, seat, seat.another_end_user())
        shown = seat.end_user.get(PATH, query_string={"include_inactive": "true"})
        assert shown.json["status"] == status

    @pytest.mark.parametrize("status", ["canceled", "incomplete_expired"])
    def test_but_not_what_is_over(self, app: Flask, seat: ProjectSeat, status: str) -> None:
        add_subscription(app, seat, seat.end_user, status=status)
        shown = seat.end_user.get(PATH, query_string={"include_inactive": "true"})
        assert (shown.status_code, shown.json) == (200, None)

    def test_what_is_paid_for_comes_before_it(self, app: Flask, seat: ProjectSeat) -> None:
        paid = add_subscription(app, seat, seat.end_user)
        add_subscription(app, seat, seat.end_user, status="unpaid")
        shown = seat.end_user.get(PATH, query_string={"include_inactive": "true"})
        assert shown.json["id"] == paid["id"]

    def test_include_inactive_is_a_boolean(self, seat: ProjectSeat) -> None:
        assert seat.end_user.get(PATH, query_string={"include_inactive": "-"}).status_code == 422

    def test_of_several_it_is_the_newest(self, app: Flask, seat: ProjectSeat) -> None:
        add_subscription(app, seat, seat.end_user)
        newest = add_subscription(app, seat, seat.end_user, status="past_due")
        add_subscription(app, seat, seat.end_user, status="canceled")
        assert seat.end_user.get(PATH).json["id"] == newest["id"]

    def test_of_one_second_the_greater_id(self, app: Flask, seat: ProjectSeat) -> None:
        at = datetime(2026, 1, 1, tzinfo=UTC)
        rows = [add_subscription(app, seat, seat.end_user, created_at=at) for _ in range(3)]
        assert seat.end_user.get(PATH).json["id"] == max(row["id"] for row in rows)

    def test_others_are_never_shown(
        self, app: Flask, seat: ProjectSeat, neighbours: ProjectSeat
    ) -> None:
        add_subscription(app, seat, seat.another_end_user())
        add_subscription(app, seat)
        add_subscription(app, neighbours, neighbours.end_user)
        assert seat.end_user.get(PATH).json is None


class TestTestMode:
    def test_the_modes_never_mix(self, app: Flask, neighbours: ProjectSeat) -> None:
        user = neighbours.another_end_user()
        test = add_subscription(app, neighbours, user)
        live = add_subscription(app, neighbours, user, test_mode=False)
        assert user.get(PATH).json["id"] == test["id"]
        for word in ("true", "1"):
            assert user.get(PATH, query_string={"test_mode": word}).json["id"] == test["id"]
        for word in ("false", "0"):
            told = user.get(PATH, query_string={"test_mode": word}).json
            assert (told["id"], told["is_test_mode"]) == (live["id"], False)

    def test_a_mode_without_keys_is_404(self, seat: ProjectSeat) -> None:
        answer = seat.end_user.get(PATH, query_string={"test_mode": "false"})
        assert answer.status_code == 404
        assert answer.json == {"detail": "Stripe is not configured for this project and mode"}

    def test_a_project_without_keys_is_404(self, client: FlaskClient, seat: ProjectSeat) -> None:
        bare = new_project(seat.developer, "Bare")
        user = register_end_user(client, bare, new_api_key(seat.developer, bare))
        assert user.get(PATH).status_code == 404

    @pytest.mark.parametrize("word", ["", "on", "2", "tru"])
    def test_no_boolean_is_422(self, seat: ProjectSeat, word: str) -> None:
        answer = seat.end_user.get(PATH, query_string={"test_mode": word})
        assert answer.status_code == 422
        (fault,) = answer.json["detail"]
        assert fault["loc"] == ["query", "test_mode"]


class TestWho:
    def test_nobody_is_401(self, client: FlaskClient) -> None:
        assert client.get(PATH).status_code == 401

    def test_a_developer_is_403(self, seat: ProjectSeat) -> None:
        assert seat.developer.get(PATH).status_code == 403
