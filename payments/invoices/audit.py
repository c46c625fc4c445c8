"""Holds proofs, counters and rows against each other, day by day."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import sqlalchemy as sa

from payments.invoices.count import Count, count
from payments.invoices.models import Invoice, InvoiceCounter, InvoiceDayProof
from payments.invoices.numbering import prefix
from payments.invoices.proof import said
from payments.kit.db import db


@dataclass(frozen=True)
class Finding:
    """What an audit says of a day."""

    day: date
    count: Count
    proven: bool
    faults: list[str]

    def line(self) -> str:
        """Write the day on one line."""
        facts = self.count.facts
        span = f"{facts.first_number} to {facts.last_number}" if facts.first_number else "none"
        state = "; ".join(self.faults) or ("proven" if self.proven else "right, not closed yet")
        return f"{self.day}  {facts.count:>6}  {span}  {state}"


def audit(first: date | None = None, last: date | None = None) -> Iterator[Finding]:
    """Look at every day from `first` to `last`; without them at all that ever had a counter."""
    known_first, known_last = _known()
    day, last = first or known_first, last or known_last
    while day is not None and last is not None and day <= last:
        yield look(day)
        day += timedelta(days=1)


def look(day: date) -> Finding:
    """Recompute a day and compare it with its counter and its proof."""
    db.session.rollback()
    found, held = count(day), db.session.get(InvoiceDayProof, day)
    faults = found.faults()
    if held is not None and said(held) != found.facts:
        says = f"{held.count} from {held.first_number} to {held.last_number}"
        faults.append(f"the proof of {held.closed_at:%Y-%m-%d %H:%M} UTC says otherwise: {says}")
    return Finding(day, found, held is not None, faults)


def strays() -> dict[str, int]:
    """Count invoices whose number belongs to no day that ever had a counter."""
    days = db.session.scalars(sa.select(InvoiceCounter.day))
    known = {prefix(day) for day in days}
    beginning = sa.func.substr(Invoice.invoice_number, 1, len("INV-YYYYMMDD-"))
    rows = db.session.execute(sa.select(beginning, sa.func.count()).group_by(beginning))
    return {text: number for text, number in rows if text not in known}


def _known() -> tuple[date | None, date | None]:
    ends = sa.select(sa.func.min(InvoiceCounter.day), sa.func.max(InvoiceCounter.day))
    first, last = db.session.execute(ends).one()
    return first, last
