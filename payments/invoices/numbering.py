"""Invoice numbers: one sequence a day for the whole platform, without gaps or duplicates."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa

from payments.kit.db import db

# One statement takes the counter's row lock and the number. The lock is held until the caller's
# transaction ends: a rollback gives the number back, and no other writer can pass meanwhile.
_NEXT = sa.text(
    "INSERT INTO invoice_counters (day, last) VALUES (:day, 1) "
    "ON CONFLICT (day) DO UPDATE SET last = invoice_counters.last + 1 RETURNING last"
).bindparams(sa.bindparam("day", type_=sa.Date))


def next_number(day: date) -> str:
    """Return the day's next number (`INV-20240115-0001`); the fifth digit comes after 9999."""
    last = db.session.execute(_NEXT, {"day": day}).scalar_one()
    return f"INV-{day:%Y%m%d}-{last:04d}"
