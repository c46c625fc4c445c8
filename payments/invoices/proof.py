"""Closes days: what a day's numbers were is counted once nobody can take one, and never rewritten.

Every day gets its proof, one without invoices too: so a missing proof is always a missing one.
"""

from __future__ import annotations

import logging
from dataclasses import asdict
from datetime import date, timedelta

import sqlalchemy as sa

from payments.extensions import settings
from payments.invoices.count import Count, Facts, count
from payments.invoices.models import InvoiceCounter, InvoiceDayProof
from payments.invoices.numbering import close_counter
from payments.kit import clock
from payments.kit.db import db
from payments.kit.transactions import end_read, transaction

log = logging.getLogger(__name__)

CLOSED, AGREES, DIFFERS = "closed", "agrees", "differs"

# Exact is the counter's lock. This wait only spares slow transactions, and clocks that are a
# little apart, a number of the following day.
MARGIN = timedelta(minutes=10)

# After a long outage the rest comes with the next tick.
MOST_AT_ONCE = 400


class NotOver(RuntimeError):
    """The day can still give out numbers."""


def close_due() -> list[date]:
    """Close every day that is over and has no proof, the oldest first; return those days."""
    days = _unproven()[:MOST_AT_ONCE]
    end_read()
    for day in days:
        close(day)
    return days


def close(day: date) -> str:
    """Count a day and write its proof, or compare with the proof that stands: it never changes.

    NotOver while the day, or the minutes after it, still run.
    """
    if day > last_over():
        raise NotOver
    with transaction() as session:
        close_counter(day)
        found = count(day)
        held = session.get(InvoiceDayProof, day)
        if held is None:
            session.add(InvoiceDayProof(day=day, **asdict(found.facts)))
        verdict = CLOSED if held is None else AGREES if said(held) == found.facts else DIFFERS
    _tell(day, found, verdict)
    return verdict


def last_over() -> date:
    """Return the last day, in the zone of the numbers, that may be closed."""
    return clock.day_of(clock.now() - MARGIN, settings().invoice_timezone) - timedelta(days=1)


def said(proof: InvoiceDayProof) -> Facts:
    """Return what a proof says."""
    return Facts(**{name: getattr(proof, name) for name in Facts.__dataclass_fields__})


def _unproven() -> list[date]:
    first, last = db.session.scalar(sa.select(sa.func.min(InvoiceCounter.day))), last_over()
    if first is None:
        return []
    proven = set(db.session.scalars(sa.select(InvoiceDayProof.day)))
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return [day for day in days if day not in proven]


def _tell(day: date, found: Count, verdict: str) -> None:
    """Alarm on what must never be; a day that is right needs no more than its row."""
    if verdict == DIFFERS:
        log.error("the invoices of %s are no longer what their proof says", day)
    for fault in found.faults():
        log.error("the invoice numbers of %s: %s", day, fault)
