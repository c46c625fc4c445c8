"""The timeline is only ever added to, and nothing changes its status or plan behind its back."""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.exc import DatabaseError

from payments.config import Settings
from payments.kit import clock
from payments.kit.db import db, is_sqlite
from payments.kit.transactions import transaction
from payments.timeline.append import append
from payments.timeline.models import TimelineEntry
from tests.rules.source import Breach, breaches, dotted, modules, planted
from tests.support.developers import developer_with_project
from tests.support.ledgers import NOON, Desk, intent, invoice, subscription, told
from tests.support.replay import entries, project_held, project_told

HOME = {
    "payments/timeline/append.py": "adds",
    "payments/timeline/read.py": "reads",
    "payments/timeline/prune.py": "deletes what is older than its days of retention",
    "payments/timeline/tell.py": "shows",
    "payments/timeline/sentences.py": "shows",
    "payments/models.py": "shows the tables to Alembic",
}

# Who may change what the timeline tells of: each of these appends in the same transaction.
RECORDERS = {
    "payments/workspaces/plans/switch.py": "the only place that changes a plan",
    "payments/workspaces/charges/record.py": "the only place that changes a charge's status",
    "payments/workspaces/refunds/record.py": "the only place that changes a refund's status",
    "payments/workspaces/disputes/record.py": "the only place that changes a dispute's status",
    "payments/workspaces/anomalies.py": "what Stripe says of an object that is applied to no row",
    "payments/invoices/issue.py": "invoices; whoever calls it tells of it",
    "payments/projects/sync/subscriptions.py": "subscriptions",
    "payments/projects/sync/payments.py": "payments",
    "payments/projects/directory.py": "`is_active` of projects",
}
ROOMS = ("payments/workspaces", "payments/projects", "payments/invoices", "payments/webhooks")
TOLD_OF = {"plan", "status"}


def mentions(module: ast.Module) -> Iterator[Breach]:
    """Find whoever holds the table in his hands, by its class or by its name in SQL."""
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom) and any(a.name == "TimelineEntry" for a in node.names):
            yield node.lineno, "imports TimelineEntry"
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = " ".join(node.value.lower().split())
            if "update timeline" in text or "from timeline" in text:
                yield node.lineno, "names the table in SQL"


def writes(module: ast.Module) -> Iterator[Breach]:
    """Find updates, deletions and set attributes."""
    for node in ast.walk(module):
        if isinstance(node, ast.Call):
            name = dotted(node.func).split(".")[-1]
            if name in {"update", "delete", "setattr", "merge"}:
                yield node.lineno, f"calls {name}"
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, f"sets {node.attr}"


def changes(module: ast.Module) -> Iterator[Breach]:
    """Find whoever sets a status or a plan."""
    for node in ast.walk(module):
        stored = isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
        if stored and node.attr in TOLD_OF:
            yield node.lineno, f"sets {node.attr}"
        if isinstance(node, ast.Call) and dotted(node.func).split(".")[-1] == "values":
            yield from ((node.lineno, f"sets {k.arg}") for k in node.keywords if k.arg in TOLD_OF)


class TestTheCode:
    def test_only_the_timeline_touches_its_table(self) -> None:
        assert breaches(mentions, modules("payments", "worker"), HOME) == []

    def test_and_it_only_adds(self) -> None:
        assert breaches(writes, modules("payments/timeline")) == []

    def test_nobody_changes_a_status_or_a_plan_elsewhere(self) -> None:
        assert breaches(changes, modules(*ROOMS), RECORDERS) == []

    def test_planted_breaches_are_found(self) -> None:
        assert planted(mentions, "from payments.timeline.models import TimelineEntry")
        assert planted(mentions, "sql = 'DELETE\\n  FROM timeline'")
        assert planted(writes, "session.execute(sa.delete(entry))") == ["calls delete"]
        assert planted(writes, "entry.data = {}") == ["sets data"]
        assert planted(changes, "workspace.plan = target") == ["sets plan"]
        assert planted(changes, "charge.status, x = FAILED, 1") == ["sets status"]
        assert planted(changes, "sa.update(Charge).values(status=FAILED)") == ["sets status"]


class TestTheDatabase:
    """The database itself refuses to change an entry, whoever tries."""

    def try_to(self, app: Flask, *statements: str) -> None:
        with app.app_context(), transaction():
            append("x.y", actor="sweep", subject="x:1")
        before = entries(app)
        with (
            app.app_context(),
            pytest.raises(DatabaseError, match="append-only"),
            transaction() as session,
        ):
            for statement in statements:
                session.execute(sa.text(statement))
        assert [each.id for each in entries(app)] == [each.id for each in before]

    @pytest.mark.parametrize("change", ["UPDATE timeline SET actor = 'x'", "DELETE FROM timeline"])
    def test_no_entry_is_changed_or_deleted(self, app: Flask, change: str) -> None:
        self.try_to(app, change)

    def test_postgres_refuses_what_is_young_or_unannounced_and_to_truncate(
        self, app: Flask
    ) -> None:
        with app.app_context():
            if is_sqlite(db.engine):
                pytest.skip("SQLite knows neither settings of a session nor TRUNCATE")
        self.try_to(app, "SET LOCAL payments.pruning = 'on'", "DELETE FROM timeline")
        self.try_to(app, "TRUNCATE timeline")
        with app.app_context(), transaction() as session:
            old = TimelineEntry(
                kind="x.y", actor="sweep", subject="x:2", at=clock.now() - timedelta(days=32)
            )
            session.add(old)
        self.try_to(app, "DELETE FROM timeline WHERE subject = 'x:2'")

    def test_an_address_is_not_written_down(self, app: Flask) -> None:
        """No entry can be reworded once a person wants to be forgotten."""
        subject = f"x:{uuid4().hex}"
        with app.app_context(), transaction():
            append("x.y", actor="sweep", subject=subject, reason="Bad e-mail: ann@b.example!")
        (entry,) = entries(app, TimelineEntry.subject == subject)
        assert entry.data == {"reason": "Bad e-mail: [email]"}


class TestLedgers:
    """Months and years of real events are in tests/stories; here they come at random."""

    @pytest.fixture
    def desk(
        self, app: Flask, client: FlaskClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> Desk:
        return Desk(app, developer_with_project(client, settings), monkeypatch)

    @pytest.mark.parametrize("seed", range(4))
    def test_the_entries_alone_say_how_the_rows_stand(
        self, app: Flask, desk: Desk, seed: int
    ) -> None:
        """Sixty events of three subscriptions, late ones and repeated ones among them."""
        chance = random.Random(seed)  # noqa: S311 - a story, not a secret
        project = TimelineEntry.project_id == desk.seat.project_id
        seen: list[int] = []
        for turn in range(60):
            self.happens(desk, chance, turn)
            ids = [entry.id for entry in entries(app, project)]
            assert ids[: len(seen)] == seen
            seen = ids
        assert project_told(app, desk.seat.project_id) == project_held(app, desk.seat.project_id)

    def happens(self, desk: Desk, chance: random.Random, turn: int) -> None:
        name = f"{chance.choice('abc')}"
        state = self.subscription(f"sub_{name}", chance)
        desk.objects["get_subscription", state["id"]] = state
        if chance.random() < 0.7:
            at = NOON + turn * 10 - chance.choice((0, 0, 0, 35))
            desk.take("customer.subscription.updated", state, at=at)
        else:
            self.money(desk, chance, name)

    def subscription(self, stripe_id: str, chance: random.Random) -> dict[str, Any]:
        plain = subscription(id=stripe_id, customer=f"cus_{stripe_id}")
        (item,) = plain["items"]["data"]
        price = chance.choice(("price_1", "price_2"))
        item["price"] |= {"id": price, "nickname": price.title()}
        item["current_period_start"] += chance.choice((0, 86_400))
        plain["cancel_at"] = chance.choice((None, None, NOON + 99_999))
        # Rarely over: what is over stays so, and has nothing more to tell.
        running = ("active", "past_due", "unpaid", "trialing") * 9
        plain["status"] = chance.choice((*running, "canceled"))
        return plain

    def money(self, desk: Desk, chance: random.Random, name: str) -> None:
        pi, bill = f"pi_{name}", f"in_{name}"
        made = {"payment": {"type": "payment_intent", "payment_intent": pi}, "status": "paid"}
        parent = {"subscription_details": {"subscription": f"sub_{name}"}}
        found = invoice(id=bill, parent=parent, payments={"object": "list", "data": [made]})
        back = chance.choice((0, 500, 900, 2000))
        charge = {"id": f"ch_{name}", "amount_refunded": back, "disputed": False}
        desk.objects["get_invoice", bill] = found
        desk.objects["find_invoice_of", pi] = bill
        desk.objects["get_payment", pi] = intent(id=pi, latest_charge=charge)
        refund = {"id": "re_1", "object": "refund", "amount": back, "status": "succeeded"}
        desk.objects["list_refunds", pi] = [refund] if back else []
        if chance.random() < 0.5:
            desk.take("invoice.paid", told(found))
        else:
            desk.take("charge.refunded", {**charge, "object": "charge", "payment_intent": pi})
