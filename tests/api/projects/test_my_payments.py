"""`GET /api/v1/payments/stripe/my-payments`: facts 6.2."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.developers import STRIPE, EndUser, ProjectSeat
from tests.support.ledger_rows import add_payment, add_subscription

PATH = f"{STRIPE}/my-payments"


def pay(user: EndUser, **query: Any) -> dict[str, Any]:
    answer = user.get(PATH, query_string=query)
    assert answer.status_code == 200, answer.text
    return dict(answer.json)


class TestMyPayments:
    def test_every_field(self, app: Flask, seat: ProjectSeat) -> None:
        held = add_subscription(app, seat, seat.end_user)
        row = add_payment(
            app, seat, seat.end_user, subscription_row_id=held["id"], amount_cents=2**40,
            currency="eur", description="Subscription renewal", refunded_amount_cents=500,
            status="partially_refunded", created_at=datetime(2026, 1, 2, tzinfo=UTC),
        )  # fmt: skip
        assert pay(seat.end_user) == {
            "payments": [
                {
                    "id": row["id"],
                    "project_id": seat.project_id,
                    "subscription_id": held["id"],
                    "user_id": seat.end_user.user_id,
                    "is_test_mode": True,
                    "payment_intent_id": row["payment_intent_id"],
                    "status": "partially_refunded",
                    "amount_cents": 2**40,
                    "currency": "eur",
                    "description": "Subscription renewal",
                    "refunded_amount_cents": 500,
                    "created_at": "2026-01-02T00:00:00.000Z",
                }
            ],
            "total": 1,
            "page": 1,
            "page_size": 50,
        }

    def test_nothing_yet(self, seat: ProjectSeat) -> None:
        assert pay(seat.end_user) == {"payments": [], "total": 0, "page": 1, "page_size": 50}

    def test_a_one_time_payment_has_no_subscription(self, app: Flask, seat: ProjectSeat) -> None:
        add_payment(app, seat, seat.end_user)
        (told,) = pay(seat.end_user)["payments"]
        assert (told["subscription_id"], told["description"]) == (None, None)
        assert told["refunded_amount_cents"] == 0

    @pytest.mark.parametrize("status", ["succeeded", "pending", "failed", "refunded", "canceled"])
    def test_every_status_is_listed(self, app: Flask, seat: ProjectSeat, status: str) -> None:
        add_payment(app, seat, seat.end_user, status=status)
        assert pay(seat.end_user)["payments"][0]["status"] == status

    def test_the_newest_comes_first(self, app: Flask, seat: ProjectSeat) -> None:
        rows = [add_payment(app, seat, seat.end_user)["id"] for _ in range(3)]
        assert [told["id"] for told in pay(seat.end_user)["payments"]] == rows[::-1]

    def test_others_are_never_shown(
        self, app: Flask, seat: ProjectSeat, neighbours: ProjectSeat
    ) -> None:
        add_payment(app, seat, seat.another_end_user())
        add_payment(app, seat)
        add_payment(app, neighbours, neighbours.end_user)
        assert pay(seat.end_user)["total"] == 0


class TestPages:
    def test_they_follow_each_other(self, app: Flask, seat: ProjectSeat) -> None:
        rows = [add_payment(app, seat, seat.end_user)["id"] for _ in range(5)]
        pages = [pay(seat.end_user, page=n, page_size=2) for n in (1, 2, 3, 4)]
        assert [len(page["payments"]) for page in pages] == [2, 2, 1, 0]
        assert [told["id"] for page in pages for told in page["payments"]] == rows[::-1]
        assert {page["total"] for page in pages} == {5}
        assert [(page["page"], page["page_size"]) for page in pages] == [
            (n, 2) for n in (1, 2, 3, 4)
        ]

    @pytest.mark.parametrize("page", ["1000000", "9" * 30])
    def test_far_beyond_the_last_is_empty(self, seat: ProjectSeat, page: str) -> None:
        told = pay(seat.end_user, page=page)
        assert (told["payments"], told["page"]) == ([], int(page))

    @pytest.mark.parametrize(
        ("name", "bad"),
        [
            ("page", "0"), ("page", "-1"), ("page", "a"), ("page", ""), ("page", "1.5"),
            ("page_size", "0"), ("page_size", "101"), ("page_size", "-5"), ("page_size", "x"),
        ],
    )  # fmt: skip
    def test_out_of_range_is_422(self, seat: ProjectSeat, name: str, bad: str) -> None:
        answer = seat.end_user.get(PATH, query_string={name: bad})
        assert answer.status_code == 422
        assert [fault["loc"] for fault in answer.json["detail"]] == [["query", name]]

    def test_a_hundred_are_the_most(self, seat: ProjectSeat) -> None:
        assert pay(seat.end_user, page_size=100)["page_size"] == 100


class TestTestMode:
    def test_the_modes_never_mix(self, app: Flask, neighbours: ProjectSeat) -> None:
        user = neighbours.another_end_user()
        test = add_payment(app, neighbours, user)
        live = add_payment(app, neighbours, user, test_mode=False)
        assert [told["id"] for told in pay(user)["payments"]] == [test["id"]]
        told = pay(user, test_mode="false")
        assert [row["id"] for row in told["payments"]] == [live["id"]]
        assert told["total"] == 1

    def test_a_mode_without_keys_is_404(self, seat: ProjectSeat) -> None:
        assert seat.end_user.get(PATH, query_string={"test_mode": "0"}).status_code == 404

    def test_no_boolean_is_422(self, seat: ProjectSeat) -> None:
        assert seat.end_user.get(PATH, query_string={"test_mode": "x"}).status_code == 422


class TestWho:
    def test_nobody_is_401(self, client: FlaskClient) -> None:
        assert client.get(PATH).status_code == 401

    def test_a_developer_is_403(self, seat: ProjectSeat) -> None:
        assert seat.developer.get(PATH).status_code == 403
