"""Invoice numbers: one sequence a day for the whole platform, without gaps or duplicates."""

from __future__ import annotations

from datetime import date

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


def next_number(day: date) -> str | None:
    """Return the day's next number (`INV-20240115-0001`); None once the day is closed."""
    last = db.session.execute(_NEXT, {"day": day}).scalar_one_or_none()
    return None if last is None else spelled(day, last)


def close_counter(day: date) -> None:
    """Wait for whoever holds a number of the day, and let nobody take another one."""
    db.session.execute(_CLOSE, {"day": day})


def prefix(day: date) -> str:
    """Return what all numbers of a day begin with."""
    return f"INV-{day:%Y%m%d}-"


def spelled(day: date, place: int) -> str:
    """Write a number; the fifth digit comes after 9999."""
    return f"{prefix(day)}{place:04d}"
