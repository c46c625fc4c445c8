"""Comparisons as a run makes them: slice by slice, with what they cost at Stripe."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from flask import Flask

from payments.kit import clock
from payments.kit.db import db
from payments.kit.transactions import transaction
from payments.projects.models import Payment, ProjectRevenue, ProjectTotals, Subscription
from payments.projects.reconcile import compare
from payments.projects.reconcile.totals import read_counters
from payments.projects.sync.account import Account
from payments.projects.sync.contribution import NOTHING, contribution
from payments.runs.slices import Comparer, Difference, Slice
from tests.support.shop import Shop

LEDGER = (Subscription, Payment, ProjectTotals, ProjectRevenue)


@dataclass
class Found:
    """What all slices of a comparison found together."""

    slices: list[Slice] = field(default_factory=list)

    def __getattr__(self, name: str) -> int:
        return sum(getattr(each, name) for each in self.slices)

    @property
    def differences(self) -> list[Difference]:
        return [difference for each in self.slices for difference in each.differences]

    @property
    def told(self) -> set[tuple[str, str, str | None, str | None]]:
        return {(d.object_id, d.field, d.ours, d.theirs) for d in self.differences}

    @property
    def counts(self) -> dict[str, int]:
        """The counters that are not zero."""
        names = ("missing", "drifted", "fixed", "failed")
        return {name: getattr(self, name) for name in names if getattr(self, name)}


def compared(
    app: Flask,
    owner: str,
    mode: str = "test",
    *,
    dry_run: bool = False,
    seconds: float = 60,
    by: Comparer = compare,
) -> Found:
    """Compare an account to the end, each slice taking up to so many seconds."""
    found, position = Found(), {}
    with app.app_context():
        while not found.slices or not found.slices[-1].done:
            deadline = clock.monotonic() + seconds
            made = by(owner, mode, position, dry_run=dry_run, actor="sweep", deadline=deadline)
            found.slices.append(made)
            position = json.loads(json.dumps(made.position))
    return found


def calls(shop: Shop) -> list[str]:
    """Return what the account was asked since the log was cleared, the oldest first."""
    log = shop.control("GET", "requests")["data"]
    return [f"{entry['method']} {entry['path']}" for entry in log]


def rows(app: Flask, model: Any, *where: Any) -> list[dict[str, Any]]:
    """Return rows as plain values, in a steady order."""
    with app.app_context():
        found = db.session.execute(sa.select(*model.__table__.c).where(*where)).mappings()
        return sorted((dict(row) for row in found), key=str)


def ledger(app: Flask, project_id: str) -> dict[str, list[dict[str, Any]]]:
    """Dump the tables of a project's ledger."""
    return {m.__tablename__: rows(app, m, m.project_id == project_id) for m in LEDGER}


def counters_agree(app: Flask, project_id: str) -> bool:
    """Say whether the counters are what the rows add up to."""
    with app.app_context():
        held = [
            list(db.session.scalars(sa.select(m).where(m.project_id == project_id)))
            for m in (Subscription, Payment)
        ]
        counted = sum(map(contribution, [*held[0], *held[1]]), NOTHING)
        modes = (read_counters(Account(project_id, mode)) for mode in (True, False))
        return sum(modes, NOTHING) == counted


def change(app: Flask, model: Any, *where: Any, **values: Any) -> None:
    """Write rows directly, as nobody's code would."""
    with app.app_context(), transaction() as session:
        session.execute(sa.update(model).where(*where).values(**values))
