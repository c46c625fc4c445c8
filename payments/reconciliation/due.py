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
        _left_alone(table, EVENTS, (FAILED,), since=moment - FAILED_FOR)
        .outerjoin(EventCursor, cursor)
        .where(sa.or_(unseen, EventCursor.checked_at <= moment - EVENTS_EVERY))
        .order_by(unseen.desc(), EventCursor.checked_at, table.c.owner, table.c.mode)
    )
    return read(query.limit(limit))


def for_objects(limit: int) -> list[Account]:
    """Return accounts whose objects nobody has compared for OBJECTS_EVERY."""
    table, since = known(), clock.now() - OBJECTS_EVERY
    query = _left_alone(table, OBJECTS, (SUCCEEDED, FAILED), since=since)
    return read(query.order_by(table.c.owner, table.c.mode).limit(limit))


def runs(limit: int) -> list[int]:
    """Return the ids of open runs that nobody holds, the longest waiting first."""
    return leases.due(ReconciliationRun, OPEN, limit=limit, state="state")


def _left_alone(
    table: sa.Subquery, kind: str, states: tuple[str, ...], *, since: datetime
) -> sa.Select[Any]:
    """Select accounts without an open run of this kind, and without one that ended so since then
    with the keys that the account has now."""
    ended, stored = _ended(kind, states, since), table.c.configured_at
    same = sa.and_(ended.c.owner == table.c.owner, ended.c.mode == table.c.mode)
    return (
        sa.select(table.c.owner, table.c.mode)
        .outerjoin(ended, same)
        .where(~_under_way(table, kind), sa.or_(ended.c.last.is_(None), ended.c.last < stored))
    )


def _ended(kind: str, states: tuple[str, ...], since: datetime) -> sa.Subquery:
    """Select when which account's last run ended: read once, not once for each account."""
    run = ReconciliationRun
    last = sa.func.max(run.finished_at).label("last")
    query = sa.select(run.owner, run.mode, last).where(
        run.kind == kind, run.state.in_(states), run.finished_at > since, run.dry_run.is_(False)
    )
    return query.group_by(run.owner, run.mode).subquery("ended")


def _under_way(table: sa.Subquery, kind: str) -> sa.Exists:
    run = ReconciliationRun
    mine = (run.owner == table.c.owner, run.mode == table.c.mode, run.kind == kind)
    return sa.exists().where(*mine, run.dry_run.is_(False), IS_OPEN)
