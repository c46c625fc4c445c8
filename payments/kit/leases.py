"""Claims on rows of work: compare-and-set with a fencing number, so that one worker acts.

Due times and leases are compared with the database's clock, which is the same for every host.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from payments.kit import database_clock
from payments.kit.db import Leased, db, is_sqlite

BACKOFF_FIRST = timedelta(seconds=2)
BACKOFF_LAST = timedelta(hours=1)
# Room comes back within seconds; a longer wait only keeps others from using it.
THROTTLED_LAST = timedelta(minutes=5)


def moment_in(wait: timedelta = timedelta()) -> Any:
    """Return the moment after `wait` by the database's clock, to be stored or compared.

    It is SQL on PostgreSQL, so an attribute that it was assigned to is read anew after the flush;
    a datetime on SQLite and while a test holds the clock.
    """
    return database_clock.read_clock(of_server=not is_sqlite(db.engine)) + wait


def is_due(model: type[Leased]) -> sa.ColumnElement[bool]:
    """Say in SQL: the row's time has come."""
    due: sa.ColumnElement[bool] = model.due_at <= moment_in()
    return due


def free(model: type[Leased]) -> sa.ColumnElement[bool]:
    """Say in SQL: the row is due and nobody holds it."""
    unheld = sa.or_(model.leased_until.is_(None), model.leased_until < moment_in())
    return sa.and_(is_due(model), unheld)


def claim(
    model: type[Leased],
    row_id: int,
    states: tuple[str, ...],
    *,
    seconds: int,
    state: str = "status",
) -> int | None:
    """Take the row for `seconds` if it is free and in one of `states`; return the fence.

    Runs inside the caller's transaction. None means: somebody else has it, or nothing is left.
    """
    table: Any = model
    claimed = db.session.execute(
        sa.update(table)
        .where(table.id == row_id, getattr(table, state).in_(states), free(model))
        .values(
            fence=table.fence + 1,
            tries=table.tries + 1,
            leased_until=moment_in(timedelta(seconds=seconds)),
        )
        .returning(table.fence)
        .execution_options(synchronize_session=False)
    )
    return claimed.scalar_one_or_none()


def renew_lease(model: type[Leased], row_id: int, fence: int, *, seconds: int) -> bool:
    """Hold the row for `seconds` from now; False when it was released or claimed by another.

    Runs inside the caller's transaction. A lease that has lapsed is renewed if nobody came.
    """
    table: Any = model
    renewed = db.session.execute(
        sa.update(table)
        .where(table.id == row_id, table.fence == fence, table.leased_until.is_not(None))
        .values(leased_until=moment_in(timedelta(seconds=seconds)))
        .returning(table.id)
        .execution_options(synchronize_session=False)
    )
    return renewed.scalar_one_or_none() is not None


def release(row: Leased, *, due_in: timedelta | None = None) -> None:
    """Let the row go; with `due_in` it comes back by itself after that time."""
    row.leased_until, row.throttled = None, 0
    if due_in is not None:
        row.due_at = moment_in(due_in)


def throttle(row: Leased) -> None:
    """Put the row back after a call that found no room: its claim does not count as a try."""
    row.tries = max(row.tries - 1, 0)
    row.throttled += 1
    row.leased_until, row.due_at = None, moment_in(throttled_for(row.throttled))


def throttled_for(times: int) -> timedelta:
    """Return the wait after finding no room so many times in a row."""
    return backoff(times, most=THROTTLED_LAST)


def backoff(tries: int, *, most: timedelta = BACKOFF_LAST) -> timedelta:
    """Return the wait after the given number of tries: doubling, bounded, with jitter.

    The jitter (75 % to 125 %) keeps rows that failed together from coming back together.
    """
    wait = min(BACKOFF_FIRST * (1 << min(max(tries - 1, 0), 16)), most)
    return wait * (75 + secrets.randbelow(51)) / 100


def due(
    model: type[Leased], states: tuple[str, ...], *, limit: int, state: str = "status"
) -> list[int]:
    """Return the ids of free rows in `states` whose time has come, the longest waiting first."""
    table: Any = model
    query = (
        sa.select(table.id)
        .where(getattr(table, state).in_(states), free(model))
        .order_by(table.due_at)
        .limit(limit)
    )
    return list(db.session.scalars(query))
