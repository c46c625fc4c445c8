"""The life of an invoice's PDF: asked for when the invoice settles, rendered, kept, found again."""

from __future__ import annotations

import sqlalchemy as sa

from payments import jobs
from payments.invoices.models import Invoice, InvoiceDocument
from payments.kit import leases
from payments.kit.db import db
from payments.kit.inserts import inserted
from payments.kit.transactions import after_commit

PENDING, RENDERED, FAILED = "pending", "rendered", "failed"
WAITING = (PENDING, FAILED)


def channel(invoice_id: int) -> str:
    """Name the channel on which a finished PDF is announced."""
    return f"document:{invoice_id}"


def find(invoice_id: int) -> InvoiceDocument | None:
    """Return the state of the invoice's PDF, if one was ever asked for."""
    return db.session.scalars(_of(invoice_id)).one_or_none()


def request(invoice: Invoice) -> None:
    """Ask for a fresh PDF, in the transaction that changes the invoice; the worker renders it."""
    document = find(invoice.id) or _added(invoice.id)
    document.state, document.due_at, document.tries = PENDING, leases.moment_in(), 0
    # A run that is under way has read the former state: it must not settle this request.
    document.fence += 1
    document.leased_until = None
    invoice_id = invoice.id
    after_commit(lambda: jobs.enqueue(jobs.RENDER_INVOICE, invoice_id=invoice_id))


def _added(invoice_id: int) -> InvoiceDocument:
    """Add the row; of two first downloads at once the second finds the other's."""
    inserted(InvoiceDocument(invoice_id=invoice_id, fence=0))
    return db.session.scalars(_of(invoice_id)).one()


def _of(invoice_id: int) -> sa.Select[InvoiceDocument]:
    query = sa.select(InvoiceDocument).where(InvoiceDocument.invoice_id == invoice_id)
    return query.execution_options(populate_existing=True)


def settle(invoice_id: int, fence: int, *, fingerprint: str, sha256: str) -> None:
    """Record what was stored, unless a newer request has come in since."""
    document = find(invoice_id)
    if document is None or document.fence != fence:
        return
    document.state, document.last_error, document.leased_until = RENDERED, None, None
    document.fingerprint, document.sha256 = fingerprint, sha256
    after_commit(lambda: jobs.announce(channel(invoice_id)))
