"""Migration 0008: payments of a former release are counted by currency, and back again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask
from flask_migrate import downgrade, upgrade

from payments.config import Settings
from payments.kit.db import db
from payments.projects import analytics
from payments.projects.reconcile import totals
from payments.projects.sync.account import Account
from payments.projects.sync.contribution import Counts, Revenue
from tests.support.migrations import app_at, insert
from tests.support.stack import MIGRATIONS

BEFORE = "0006"
NOW = "2026-11-01 00:00:00+00:00"
STAMPS = {"created_at": NOW, "updated_at": NOW}
OURS, THEIRS = (str(UUID(int=number)) for number in (1, 2))


@pytest.fixture
def old_app(tmp_path: Path, settings: Settings) -> Iterator[Flask]:
    """An app whose database stands at the revision before, with a ledger."""
    with app_at(BEFORE, tmp_path, settings) as app:
        plant()
        yield app


def plant() -> None:
    """Write two developers' projects with payments of every status, and the former counters."""
    for number, project in enumerate((OURS, THEIRS), start=1):
        insert(
            "users", id=number, kind="developer", email=f"dev{number}@example.com", name="Dev",
            password_hash="x", is_active=True, is_admin=False, uuid=project, **STAMPS,
        )  # fmt: skip
        insert(
            "projects", id=project, owner_id=number, name="Shop", allowed_origins="[]",
            is_active=True, **STAMPS,
        )  # fmt: skip
    pay(OURS, "succeeded", 1000)
    pay(OURS, "succeeded", 500, currency="jpy")
    pay(OURS, "partially_refunded", 999, refunded=100)
    for status in ("refunded", "disputed", "failed", "pending", "canceled"):
        pay(OURS, status, 70)
    pay(OURS, "succeeded", 5120, currency="kwd", is_test_mode=False)
    pay(THEIRS, "succeeded", 7)
    for project, mode, sums in (
        (OURS, True, (8, 2, 1500)), (OURS, False, (1, 1, 5120)), (THEIRS, True, (1, 1, 7)),
    ):  # fmt: skip
        insert(
            "project_totals", project_id=project, is_test_mode=mode, subscriptions=0,
            active_subscriptions=0, owner_id=1 if project == OURS else 2,
            **dict(zip(("payments", "successful_payments", "revenue_cents"), sums, strict=True)),
        )  # fmt: skip


def pay(project: str, status: str, amount: int, **values: Any) -> None:
    count = db.session.execute(sa.text("SELECT count(*) FROM payments")).scalar_one()
    insert(
        "payments", id=str(UUID(int=count + 100)), project_id=project,
        owner_id=1 if project == OURS else 2, payment_intent_id=f"pi_{count}", status=status,
        amount_cents=amount, refunded_amount_cents=values.pop("refunded", 0), disputed=False,
        state_at=0, **{"currency": "usd", "is_test_mode": True, **values}, **STAMPS,
    )  # fmt: skip


def test_payments_of_a_former_release_are_counted_by_currency(old_app: Flask) -> None:
    upgrade(directory=str(MIGRATIONS))
    held = totals.read_counters(Account(OURS, is_test_mode=True))
    assert held == Counts(payments=8, revenue={"jpy": Revenue(1, 500), "usd": Revenue(1, 1899)})
    for account in (Account(OURS, is_test_mode=True), Account(OURS, is_test_mode=False)):
        assert totals.read_counters(account) == totals.count_rows(account)
    theirs = totals.read_counters(Account(THEIRS, is_test_mode=True))
    assert theirs.revenue == {"usd": Revenue(1, 7)}
    told = analytics.get_stats(1, test_mode=True)
    assert told["revenue_by_currency"] == {"jpy": 500, "kwd": 5120, "usd": 1899}


def test_the_way_back_has_the_former_counters(old_app: Flask) -> None:
    query = sa.text(
        "SELECT project_id, is_test_mode, payments, successful_payments, revenue_cents"
        " FROM project_totals ORDER BY project_id, is_test_mode"
    )
    before = [tuple(row) for row in db.session.execute(query)]
    db.session.remove()
    upgrade(directory=str(MIGRATIONS))
    db.session.remove()
    downgrade(directory=str(MIGRATIONS), revision=BEFORE)
    assert [tuple(row) for row in db.session.execute(query)] == before
