"""Invoice numbers: one sequence a day for the whole platform, without gaps or duplicates."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

import sqlalchemy as sa

from payments.kit.db import db

# One statement takes the counter's row lock and the number. The lock is held until the caller's
# transaction ends: a rollback gives the number back, and no other writer can pass meanwhile.
# Whether the day is closed is asked of the locked row itself, so nobody slips in behind a proof.
_NEXT = sa.text(
    "INSERT INTO invoice_counters (day, last, closed) VALUES (:day, 1, false) "
    "ON CONFLICT (day) DO UPDATE SET last = invoice_counters.last + 1 "
    "WHERE NOT invoice_counters.closed RETURNING last"
).bindparams(sa.bindparam("day", type_=sa.Date))

# A day without invoices gets its counter here, so that there is always a row to wait on.
_CLOSE = sa.text(
    "INSERT INTO invoice_counters (day, last, closed) VALUES (:day, 0, true) "
    "ON CONFLICT (day) DO UPDATE SET closed = true"
).bindparams(sa.bindparam("day", type_=sa.Date))


# Only upwards, and never on a day whose proof is written.
_SKIP = sa.text(
    "INSERT INTO invoice_counters (day, last, closed) VALUES (:day, :last, false) "
    "ON CONFLICT (day) DO UPDATE SET last = :last "
    "WHERE NOT invoice_counters.closed AND invoice_counters.last < :last RETURNING last"
).bindparams(sa.bindparam("day", type_=sa.Date))

_NUMBER = re.compile(r"INV-([0-9]{8})-([0-9]{4,9})")


def next_number(day: date) -> str | None:
    """Return the day's next number (`INV-20240115-0001`); None once the day is closed."""
    last = db.session.execute(_NEXT, {"day": day}).scalar_one_or_none()
    return None if last is None else spelled(day, last)


def skip_numbers(last: str) -> bool:
    """Give out no number of a day up to `last` any more; False when nothing was to be skipped.

    For numbers that were given out before an older database was restored: their invoices are in
    people's hands. The audit goes on naming them as gaps. Runs inside the caller's transaction;
    ValueError when it is no invoice number.
    """
    match = _NUMBER.fullmatch(last)
    if match is None:
        raise ValueError(last)
    day = datetime.strptime(match[1], "%Y%m%d").replace(tzinfo=UTC).date()
    values = {"day": day, "last": int(match[2])}
    return db.session.execute(_SKIP, values).scalar_one_or_none() is not None


def close_counter(day: date) -> None:
    """Wait for whoever holds a number of the day, and let nobody take another one."""
    db.session.execute(_CLOSE, {"day": day})


def prefix(day: date) -> str:
    """Return what all numbers of a day begin with."""
    return f"INV-{day:%Y%m%d}-"


def spelled(day: date, place: int) -> str:
    """Write a number; the fifth digit comes after 9999."""
    return f"{prefix(day)}{place:04d}"
