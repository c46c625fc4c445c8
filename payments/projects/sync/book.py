"""One unit of work on one project's ledger: its rows, and the counters that sum them up."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from payments.kit.db import db, is_sqlite
from payments.kit.transactions import end_read
from payments.projects.errors import ProjectNotFound
from payments.projects.models import Payment, Project, ProjectTotals, Subscription
from payments.projects.sync import duplicates
from payments.projects.sync.account import Account
from payments.projects.sync.contribution import (
    NOTHING,
    Counts,
    contribution,
    move_revenue,
    move_totals,
)
from payments.projects.sync.people import People

Row = TypeVar("Row", Subscription, Payment)


class Book:
    """The open ledger of an account: whoever holds it is the only one who changes its rows.

    The row of counters is the lock. `close` moves the counters by what the rows changed, inside
    the caller's transaction. Each row that is added bears the version that the ledger has then, so
    that whoever fetched a state before can tell that it was written since.
    """

    def __init__(self, account: Account) -> None:
        self.account = account
        self.totals = _locked_totals(account)
        self.totals.version += 1
        self.people = People(account)
        self._subscriptions: dict[str, Subscription | None] = {}
        self._payments: dict[str, Payment | None] = {}
        self._before: dict[str, Counts] = {}
        self._holders: dict[int, str] = {}

    @property
    def scope(self) -> dict[str, Any]:
        """The columns that every row of this account has."""
        return {
            "project_id": self.account.project_id,
            "is_test_mode": self.account.is_test_mode,
            "owner_id": self.totals.owner_id,
        }

    def load(self, subscriptions: Iterable[str], payments: Iterable[str]) -> None:
        """Read the rows of these Stripe ids at once."""
        self._read(Subscription, Subscription.subscription_id, subscriptions, self._subscriptions)
        self._read(Payment, Payment.payment_intent_id, payments, self._payments)

    def subscription(self, stripe_id: str) -> Subscription | None:
        self.load([stripe_id], [])
        return self._subscriptions[stripe_id]

    def payment(self, stripe_id: str) -> Payment | None:
        self.load([], [stripe_id])
        return self._payments[stripe_id]

    def add_subscription(self, row: Subscription) -> None:
        """Keep a finished row; a new one is written at once, as payments point to it."""
        row.version = self.totals.version
        if sa.inspect(row).transient:
            db.session.add(row)
            db.session.flush()
        self._subscriptions[row.subscription_id] = row

    def add_payment(self, row: Payment) -> None:
        row.version = self.totals.version
        db.session.add(row)
        self._payments[row.payment_intent_id] = row

    def note_holder(self, user_id: int | None, actor: str) -> None:
        """Remember an end user whose subscriptions have to be looked through for a second one."""
        if user_id is not None:
            self._holders[user_id] = actor

    def close(self) -> None:
        """Write the rows, then let the flags and the counters follow."""
        db.session.flush()
        duplicates.mark(self.account, {**self.people.adopted, **self._holders})
        rows = [*self._subscriptions.values(), *self._payments.values()]
        changes = (contribution(row) - self._before.get(row.id, NOTHING) for row in rows if row)
        moved = sum(changes, NOTHING)
        move_totals(self.totals, moved)
        move_revenue(self.account, self.totals.owner_id, moved.revenue)
        db.session.flush()

    def _read(
        self, model: type[Row], key: Any, wanted: Iterable[str], kept: dict[str, Row | None]
    ) -> None:
        missing = set(wanted) - kept.keys()
        if not missing:
            return
        kept.update(dict.fromkeys(missing))
        query = sa.select(model).where(*self.account.owns(model), key.in_(sorted(missing)))
        for row in db.session.scalars(query):
            kept[getattr(row, key.key)] = row
            self._before[row.id] = contribution(row)


def read_version(account: Account) -> int:
    """Return the ledger's version and end the read; 0 for a ledger that nobody has opened yet.

    A row that bears a greater one was written after this moment, whatever any clock says.
    """
    query = sa.select(ProjectTotals.version).where(*account.owns(ProjectTotals))
    version = db.session.scalar(query) or 0
    end_read()
    return version


def _locked_totals(account: Account) -> ProjectTotals:
    query = (
        sa.select(ProjectTotals)
        .where(*account.owns(ProjectTotals))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    found = db.session.scalars(query).one_or_none()
    if found is None:
        _begin_totals(account)
        found = db.session.scalars(query).one()
    return found


def _begin_totals(account: Account) -> None:
    """Make the counters of an account, whoever of several is first."""
    project = db.session.get(Project, account.project_id)
    if project is None:
        raise ProjectNotFound
    row = {
        "project_id": account.project_id,
        "is_test_mode": account.is_test_mode,
        "owner_id": project.owner_id,
        **NOTHING.totals,
    }
    insert = sqlite.insert if is_sqlite(db.session.connection()) else postgresql.insert
    db.session.execute(insert(ProjectTotals).values(row).on_conflict_do_nothing())
