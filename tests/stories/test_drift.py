"""The daily comparison: a ledger that has drifted from Stripe is found out and mended."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from payments.config import Settings
from payments.projects.models import Payment, Subscription
from payments.webhooks import drain, inbox
from tests.support.developers import ProjectSeat, developer_with_project, store_keys
from tests.support.drift import calls, change, compared, counters_agree, ledger
from tests.support.herd import herd
from tests.support.histories import TOLD, Account

# What two ledgers of the same account need not share.
OWN = {
    "id",
    "project_id",
    "owner_id",
    "user_id",
    "subscription_row_id",
    "state_at",
    "version",
    "updated_at",
}
UNMOVED = {"created_at", "updated_at"}


def told_by_events(app: Flask, seat: ProjectSeat, account: Account) -> None:
    """Let the project's inbox have all events of its account, and handle them."""
    with app.app_context():
        for event in account.all("events"):
            inbox.store(seat.project_id, event, json.dumps(event))
        while drain.drain():
            pass


def shown(app: Flask, project_id: str) -> dict[str, Any]:
    """Return a ledger without what is its own."""
    return {
        table: sorted(({k: v for k, v in row.items() if k not in OWN} for row in found), key=str)
        for table, found in ledger(app, project_id).items()
    }


def rows_of(app: Flask, project_id: str) -> list[Any]:
    held = ledger(app, project_id)
    return held["subscriptions"] + held["payments"]


def of(subscription: str) -> Any:
    return Subscription.subscription_id == subscription


class TestHistories:
    @pytest.mark.parametrize("tell", TOLD)
    def test_without_any_event_the_ledger_ends_as_with_all(
        self,
        app: Flask,
        client: FlaskClient,
        settings: Settings,
        seat: ProjectSeat,
        account: Account,
        tell: Any,
    ) -> None:
        """Whatever events bring about, the comparison brings about; and finds nothing after it."""
        tell(account, None)
        told_by_events(app, seat, account)
        assert compared(app, seat.project_id, dry_run=True).differences == []
        deaf = developer_with_project(client, settings)
        store_keys(deaf.developer, deaf.project_id, test_secret_key=seat.secret_key)
        found = compared(app, deaf.project_id)
        assert found.missing == found.fixed == len(rows_of(app, deaf.project_id)) > 0
        assert shown(app, deaf.project_id) == shown(app, seat.project_id)
        assert counters_agree(app, deaf.project_id)
        assert compared(app, deaf.project_id).differences == []


PLANTED: list[dict[str, Any]] = [
    {"status": "past_due"},
    {"status": "incomplete", "cancel_at": datetime(2030, 1, 1, tzinfo=UTC)},
    {"price_id": "price_of_another_plan", "plan_name": "Another"},
    {"quantity": 7},
    {"current_period_end": datetime(2024, 1, 1, tzinfo=UTC)},
    {"current_period_start": None},
    {"cancel_at": datetime(2030, 1, 1, tzinfo=UTC)},
    {"cancelled_at": datetime(2024, 1, 1, tzinfo=UTC)},
    {"customer_id": "cus_of_somebody_else"},
    {"plan_name": "Another"},
]
PLANTED_MONEY: list[dict[str, Any]] = [
    {"status": "failed"},
    {"amount_cents": 1},
    {"refunded_amount_cents": 300},
    {"disputed": True, "status": "disputed"},
    {"invoice_id": None},
    {"subscription_row_id": None, "currency": "eur"},
]


class TestPlanted:
    COUNT = 300

    @pytest.fixture
    def ids(self, app: Flask, seat: ProjectSeat, account: Account, sandbox: Any) -> list[str]:
        """Subscriptions of the project, in our ledger just as at Stripe."""
        made = herd(sandbox, account, self.COUNT)
        found = compared(app, seat.project_id)
        assert found.counts == {"missing": 2 * self.COUNT, "fixed": 2 * self.COUNT}
        return made

    def test_all_of_it_is_found_and_mended_and_nothing_else_touched(
        self, app: Flask, seat: ProjectSeat, ids: list[str]
    ) -> None:
        before = ledger(app, seat.project_id)
        for number, values in enumerate(PLANTED):
            change(app, Subscription, of(ids[25 * number + 3]), **values)
        for number, values in enumerate(PLANTED_MONEY):
            paid = before["payments"][number]["payment_intent_id"]
            change(app, Payment, Payment.payment_intent_id == paid, **values)
        planted = ledger(app, seat.project_id)
        seat.shop.control("DELETE", "requests")
        dry = compared(app, seat.project_id, dry_run=True)
        assert ledger(app, seat.project_id) == planted
        drifted = len(PLANTED) + len(PLANTED_MONEY) + 1  # the counters go with the rows
        assert dry.counts == {"drifted": drifted}
        pages = 2 * (self.COUNT // 100) + 1
        asked = calls(seat.shop)
        assert len(asked) <= pages + 5, asked

        found = compared(app, seat.project_id)
        assert found.counts == {"drifted": drifted, "fixed": drifted}
        after = ledger(app, seat.project_id)
        assert unstamped(after) == unstamped(before)
        assert counters_agree(app, seat.project_id)
        assert touched(before, after) == touched(before, planted)
        assert compared(app, seat.project_id).differences == []

    def test_slice_by_slice_it_is_the_same(
        self, app: Flask, seat: ProjectSeat, ids: list[str]
    ) -> None:
        """A deadline that has passed leaves one step a slice; nothing is lost between them."""
        for subscription in ids[::20]:
            change(app, Subscription, of(subscription), quantity=5)
        found = compared(app, seat.project_id, seconds=-1)
        assert len(found.slices) > 12
        assert found.counts == {"drifted": 15, "fixed": 15}
        assert found.seen == 2 * self.COUNT


def unstamped(found: dict[str, list[dict[str, Any]]]) -> Any:
    own = {"updated_at", "state_at", "version"}
    return [
        sorted(({k: v for k, v in row.items() if k not in own} for row in held), key=str)
        for held in found.values()
    ]


def touched(before: dict[str, list[dict[str, Any]]], after: dict[str, list[dict[str, Any]]]) -> Any:
    """Return which subscriptions and payments were written."""
    names = ("subscriptions", "payments")
    stamps = {row["id"]: row["updated_at"] for name in names for row in before[name]}
    return {
        row["id"] for name in names for row in after[name] if row["updated_at"] != stamps[row["id"]]
    }
