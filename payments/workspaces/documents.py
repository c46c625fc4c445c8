"""The PDF of an invoice: rendered in the worker, served from the store while it is true."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from flask import current_app

from payments import jobs
from payments.extensions import settings
from payments.invoices import documents
from payments.invoices.document import (
    Address,
    InvoiceDocument,
    InvoiceFacts,
    Party,
    RefundFacts,
    RenderFailed,
    compose,
    fingerprint,
)
from payments.invoices.models import Invoice
from payments.invoices.models import InvoiceDocument as DocumentRow
from payments.invoices.storage import (
    DocumentStore,
    StorageUnavailable,
    digest,
    document_key,
    open_store,
)
from payments.kit import leases, steps
from payments.kit.db import db
from payments.kit.repeat import repeated
from payments.kit.transactions import end_read, transaction
from payments.workspaces import queries
from payments.workspaces.models import Refund, Workspace
from payments.workspaces.models.charges import SUBMITTED, SUCCEEDED

log = logging.getLogger(__name__)

# A download waits this long for the worker's PDF before it renders one by itself.
WAIT_SECONDS = 5.0
LEASE_SECONDS = 60
MOST_TRIES = 10
DEAD = "dead"


@dataclass(frozen=True)
class Draft:
    """Everything a PDF is made from, and where it belongs."""

    document: InvoiceDocument
    fingerprint: str
    key: str


def draft(invoice_id: int) -> Draft:
    """Decide what the invoice's PDF has to say now."""
    invoice = db.session.get_one(Invoice, invoice_id, populate_existing=True)
    workspace = db.session.get_one(Workspace, invoice.workspace_id, populate_existing=True)
    document = compose(_facts(invoice, workspace))
    return Draft(
        document, fingerprint(document), document_key(workspace.id, invoice.invoice_number)
    )


def _facts(invoice: Invoice, workspace: Workspace) -> InvoiceFacts:
    counted = [r for r in queries.refunds_of(invoice.id) if r.status in {SUBMITTED, SUCCEEDED}]
    return InvoiceFacts(
        invoice_number=invoice.invoice_number,
        type=invoice.type,
        status=invoice.status,
        amount_minor=invoice.amount_minor,
        refunded_minor=invoice.refunded_minor,
        currency=invoice.currency,
        description=invoice.description,
        plan_name=invoice.plan_name,
        previous_plan_name=invoice.previous_plan_name,
        plan_period=invoice.plan_period,
        created_at=invoice.created_at,
        paid_at=invoice.paid_at,
        card_brand=invoice.card_brand,
        card_last4=invoice.card_last4,
        payment_intent_id=invoice.stripe_payment_intent_id,
        refunds=tuple(_refund_facts(refund) for refund in counted),
        seller=Party(settings().seller_name, settings().seller_address),
        workspace_name=workspace.name,
        billing_address=_address(workspace),
        timezone=settings().invoice_timezone,
    )


def _refund_facts(refund: Refund) -> RefundFacts:
    return RefundFacts(refund.amount_minor, refund.created_at, refund.reason)


def _address(workspace: Workspace) -> Address:
    return Address(
        line1=workspace.billing_line1,
        line2=workspace.billing_line2,
        city=workspace.billing_city,
        state=workspace.billing_state,
        postal_code=workspace.billing_postal_code,
        country=workspace.billing_country,
    )


def render(invoice_id: int) -> None:
    """Render and store the PDF that was asked for; do nothing when another worker does."""
    claimed = _claimed(invoice_id)
    if claimed is None:
        return
    steps.passed("document.claimed")
    fence, wanted = claimed
    try:
        pdf = _drawn(wanted.document)
        steps.passed("document.rendered")
        _store().put(wanted.key, pdf)
        steps.passed("document.stored")
    except (RenderFailed, StorageUnavailable) as error:
        log.error("the PDF of invoice %s failed: %s", invoice_id, error)
        _put_back(invoice_id, fence, str(error))
    else:
        _settle(invoice_id, fence, wanted, pdf)


@repeated
def _claimed(invoice_id: int) -> tuple[int, Draft] | None:
    with transaction():
        row = documents.find(invoice_id)
        if row is None:
            return None
        fence = leases.claim(
            DocumentRow, row.id, documents.WAITING, seconds=LEASE_SECONDS, state="state"
        )
        if fence is None or _is_deadly(row.id):
            return None
        return fence, draft(invoice_id)


def _is_deadly(row_id: int) -> bool:
    """Give a PDF up whose renderer was killed again and again, before it kills the next one."""
    row = db.session.get_one(DocumentRow, row_id, populate_existing=True)
    if row.tries <= MOST_TRIES:
        return False
    row.state, row.last_error = DEAD, f"its renderer did not come back, {MOST_TRIES} times"
    leases.release(row)
    log.error("the PDF of invoice %s is dead: %s", row.invoice_id, row.last_error)
    return True


@repeated
def _settle(invoice_id: int, fence: int, made: Draft, pdf: bytes) -> None:
    with transaction():
        if draft(invoice_id).fingerprint == made.fingerprint:
            documents.settle(invoice_id, fence, fingerprint=made.fingerprint, sha256=digest(pdf))
        else:
            # A name or an address changed while we rendered; whoever waits would wait in vain.
            documents.request(db.session.get_one(Invoice, invoice_id))
    steps.passed("document.settled")


def _put_back(invoice_id: int, fence: int, reason: str) -> None:
    with transaction():
        row = documents.find(invoice_id)
        if row is None or row.fence != fence:
            return
        row.state = DEAD if row.tries >= MOST_TRIES else documents.FAILED
        row.last_error = reason[:500]
        leases.release(row, due_in=leases.backoff(row.tries))


def fetch(invoice_id: int) -> bytes:
    """Return the PDF as the invoice stands now: stored, from the worker, or rendered here.

    Raises RenderFailed when not even this process can render it.
    """
    wanted = draft(invoice_id)
    try:
        pdf = _stored(invoice_id, wanted) or _awaited(invoice_id, wanted)
    except StorageUnavailable as error:
        log.warning("the store of PDFs is out of reach: %s", error)
        pdf = None
    return pdf or _drawn(wanted.document)


def _drawn(document: InvoiceDocument) -> bytes:
    # The engine is a fifth of what the service imports: only a process that draws has it.
    from payments.invoices.render import render_pdf  # noqa: PLC0415

    return render_pdf(document)


def _stored(invoice_id: int, wanted: Draft) -> bytes | None:
    end_read()  # a read left open would show the same state for ever
    row = documents.find(invoice_id)
    sha256 = row.sha256 if row and row.state == documents.RENDERED else None
    fresh = row is not None and row.fingerprint == wanted.fingerprint
    end_read()
    return _store().get(wanted.key, sha256=sha256) if sha256 and fresh else None


def _store() -> DocumentStore:
    """Return the app's store: a bucket's client is made once."""
    held: DocumentStore | None = current_app.extensions.get("payments.documents")
    if held is None:
        held = current_app.extensions["payments.documents"] = open_store(settings())
    return held


def _awaited(invoice_id: int, wanted: Draft) -> bytes | None:
    seconds = min(WAIT_SECONDS, settings().charge_wait_seconds)
    return jobs.wait_for(
        documents.channel(invoice_id),
        lambda: _stored(invoice_id, wanted),
        start=lambda: _ask_worker(invoice_id),
        seconds=seconds,
    )


def _ask_worker(invoice_id: int) -> bool:
    with transaction():
        row = documents.find(invoice_id)
        if row is None or row.state != documents.PENDING:
            documents.request(db.session.get_one(Invoice, invoice_id))
            return True
    return jobs.enqueue(jobs.RENDER_INVOICE, invoice_id=invoice_id)
