"""Work that no message woke: rows whose time has come, and charges nobody came back for."""

from __future__ import annotations

from payments import jobs
from payments.gateway import traffic
from payments.invoices.documents import WAITING
from payments.invoices.models import InvoiceDocument
from payments.kit import leases
from payments.kit.db import db
from payments.workspaces.charges.action import expire
from payments.workspaces.models import Charge, Refund
from payments.workspaces.models.charges import PENDING, REQUIRES_ACTION

# A bounded batch: after an outage the rest comes with the next sweep, seconds later.
BATCH = 100


def wake_due() -> int:
    """Send a task for every charge, refund and PDF that is due and held by nobody.

    This finishes what a dead process left open, and what was reserved while Redis was down.
    """
    charges = leases.due(Charge, (PENDING,), limit=BATCH)
    refunds = leases.due(Refund, (PENDING,), limit=BATCH)
    rows = leases.due(InvoiceDocument, WAITING, limit=BATCH, state="state")
    invoices = [db.session.get_one(InvoiceDocument, row_id).invoice_id for row_id in rows]
    db.session.rollback()
    for charge_id in charges:
        jobs.enqueue(jobs.RUN_CHARGE, charge_id=charge_id)
    for refund_id in refunds:
        jobs.enqueue(jobs.RUN_REFUND, refund_id=refund_id)
    for invoice_id in invoices:
        jobs.enqueue(jobs.RENDER_INVOICE, invoice_id=invoice_id)
    return len(charges) + len(refunds) + len(invoices)


def expire_unauthenticated() -> int:
    """Cancel charges whose holder did not authenticate within a day; return how many were due."""
    abandoned = leases.due(Charge, (REQUIRES_ACTION,), limit=BATCH)
    db.session.rollback()
    with traffic.background():
        for charge_id in abandoned:
            expire(charge_id)
    return len(abandoned)
