"""Record: the only place that changes a refund's status and what its invoice says of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from payments.gateway.results import RefundResult
from payments.invoices import documents
from payments.invoices.issue import set_refunded
from payments.invoices.models import PAID, REFUNDED, Invoice
from payments.kit import clock, leases, steps
from payments.kit.db import db
from payments.kit.repeat import repeated
from payments.kit.transactions import after_commit, transaction
from payments.workspaces import queries, waiting
from payments.workspaces.models import Charge, Refund
from payments.workspaces.models.charges import CANCELED, FAILED, PENDING, SUBMITTED, SUCCEEDED
from payments.workspaces.notes import note_invoice, note_refund

# Stripe may take a success back (the bank returned the money): that is the last word.
# https://docs.stripe.com/refunds#failed-refunds
_RANK = {PENDING: 0, SUBMITTED: 1, SUCCEEDED: 2, FAILED: 3, CANCELED: 3}
# When one that is not paid out yet is first asked about, should no event tell of it before.
FIRST_LOOK = timedelta(minutes=1)
_COUNTED = (SUBMITTED, SUCCEEDED)


@dataclass(frozen=True)
class RefundOutcome:
    """A status, with what Stripe said about it."""

    status: str
    stripe_refund: str | None = None
    error_code: str | None = None
    message: str | None = None


def of_result(result: RefundResult) -> RefundOutcome:
    """Read Stripe's Refund; one that is not paid out yet counts as refunded already."""
    status = result.status if result.status in _RANK and result.status != PENDING else SUBMITTED
    return RefundOutcome(status, result.id, result.failure_reason)


def climbs(ours: str, theirs: str) -> bool:
    """Say whether a status that Stripe tells of is news to a refund of this one."""
    return _RANK[theirs] > _RANK[ours]


@repeated
def record(refund_id: int, outcome: RefundOutcome, *, actor: str) -> None:
    """Apply what Stripe said about a refund; idempotent, and a status only ever climbs."""
    with transaction():
        refund = db.session.get_one(Refund, refund_id)
        queries.lock_workspace(refund.workspace_id)
        db.session.refresh(refund)
        after_commit(lambda: steps.passed("refund.recorded"))
        _apply(refund, outcome, actor)
        steps.passed("refund.recording")
    steps.passed("refund.announced")


@repeated
def adopt(charge: Charge, results: list[RefundResult], *, actor: str) -> None:
    """Bring a charge's refunds level with Stripe's list: those made in the dashboard get a row."""
    charge_id, workspace_id = charge.id, charge.workspace_id
    with transaction():
        queries.lock_workspace(workspace_id)
        charge = db.session.get_one(Charge, charge_id)
        known = {r.stripe_refund_id or r.id: r for r in queries.refunds_of(charge.invoice_id)}
        for result in reversed(results):  # Stripe lists the newest first
            ours = known.get(result.id) or _marked(known, result)
            ours = ours or _made_elsewhere(charge, result, actor)
            _apply(ours, of_result(result), actor)


def _marked(known: dict[str | int, Refund], result: RefundResult) -> Refund | None:
    """Find the row of a refund of ours whose answer never reached us, by its metadata."""
    marked = result.metadata.get("refund_id", "")
    return known.get(int(marked)) if marked.isdecimal() else None


def _made_elsewhere(charge: Charge, result: RefundResult, actor: str) -> Refund:
    refund = Refund(
        workspace_id=charge.workspace_id,
        charge_id=charge.id,
        invoice_id=charge.invoice_id,
        amount_minor=result.amount,
        currency=result.currency,
        reason=result.reason,
        stripe_refund_id=result.id,
        created_at=clock.from_timestamp(result.created),
    )
    db.session.add(refund)
    db.session.flush()
    note_refund("found", refund, db.session.get_one(Invoice, charge.invoice_id), actor=actor)
    return refund


def _apply(refund: Refund, outcome: RefundOutcome, actor: str) -> None:
    if not climbs(refund.status, outcome.status):
        return
    refund.status = outcome.status
    refund.stripe_refund_id = outcome.stripe_refund or refund.stripe_refund_id
    refund.error_code, refund.error_message = (
        outcome.error_code,
        (outcome.message or "")[:500] or None,
    )
    leases.release(refund)
    refund.uncertain, refund.settled_at = False, clock.now()
    if refund.status == SUBMITTED:
        refund.tries, refund.due_at = 0, clock.now() + FIRST_LOOK
    db.session.flush()
    invoice = db.session.get_one(Invoice, refund.invoice_id, populate_existing=True)
    note_refund(refund.status, refund, invoice, actor=actor, code=refund.error_code)
    _restate(invoice, actor)
    refund_id = refund.id
    after_commit(lambda: waiting.announce(Refund, refund_id))


def _restate(invoice: Invoice, actor: str) -> None:
    total = sum(r.amount_minor for r in queries.refunds_of(invoice.id) if r.status in _COUNTED)
    if invoice.status in {PAID, REFUNDED} and total != invoice.refunded_minor:
        set_refunded(invoice, total)
        note_invoice("refunded", invoice, actor=actor, refunded_minor=total, status=invoice.status)
        documents.request(invoice)
