"""Which accounts are due for a look, and which open runs wait for a worker."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from payments.kit import clock, leases
from payments.reconciliation.accounts import Account, known, read
from payments.runs.models import (
    EVENTS,
    FAILED,
    IS_OPEN,
    OBJECTS,
    OPEN,
    SUCCEEDED,
    EventCursor,
    ReconciliationRun,
)

EVENTS_EVERY = timedelta(minutes=5)
OBJECTS_EVERY = timedelta(days=1)
# How long an account that failed is left alone, unless its keys are stored anew.
FAILED_FOR = timedelta(hours=1)


def for_events(limit: int) -> list[Account]:
    """Return accounts whose events nobody knows for EVENTS_EVERY, the longest waiting first."""
    table, moment = known(), clock.now()
    cursor = sa.and_(EventCursor.owner == table.c.owner, EventCursor.mode == table.c.mode)
    unseen = EventCursor.checked_at.is_(None)
    query = (
        sa.select(table.c.owner, table.c.mode)
        .outerjoin(EventCursor, cursor)
        .where(
            sa.or_(unseen, EventCursor.checked_at <= moment - EVENTS_EVERY),
            ~_under_way(table, EVENTS),
            ~_ended(table, EVENTS, (FAILED,), moment - FAILED_FOR),
        )
        .order_by(unseen.desc(), EventCursor.checked_at, table.c.owner, table.c.mode)
    )
    return read(query.limit(limit))


def for_objects(limit: int) -> list[Account]:
    """Return accounts whose objects nobody has compared for OBJECTS_EVERY."""
    table, since = known(), clock.now() - OBJECTS_EVERY
    query = sa.select(table.c.owner, table.c.mode).where(
        ~_under_way(table, OBJECTS),
        ~_ended(table, OBJECTS, (SUCCEEDED,), since),
        ~_ended(table, OBJECTS, (FAILED,), since),
    )
    return read(query.order_by(table.c.owner, table.c.mode).limit(limit))


def runs(limit: int) -> list[int]:
    """Return the ids of open runs that nobody holds, the longest waiting first."""
    return leases.due(ReconciliationRun, OPEN, limit=limit, state="state")


def _under_way(table: sa.Subquery, kind: str) -> sa.ColumnElement[bool]:
    return _some(table, kind, IS_OPEN)


def _ended(
    table: sa.Subquery, kind: str, states: tuple[str, ...], since: datetime
) -> sa.ColumnElement[bool]:
    """Say in SQL: such a run ended since then, with the keys that the account has now."""
    run, stored = ReconciliationRun, table.c.configured_at
    return _some(
        table, kind,
        run.state.in_(states),
        run.finished_at > since,
        sa.or_(stored.is_(None), run.finished_at >= stored),
    )  # fmt: skip


def _some(table: sa.Subquery, kind: str, *where: Any) -> sa.ColumnElement[bool]:
    run = ReconciliationRun
    mine = (run.owner == table.c.owner, run.mode == table.c.mode, run.kind == kind)
    return sa.exists().where(*mine, run.dry_run.is_(False), *where)
