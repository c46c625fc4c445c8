"""Record: the only place that changes a refund's status and what its invoice says of it."""

from __future__ import annotations

from dataclasses import dataclass

from payments.gateway.results import RefundResult
from payments.invoices import documents
from payments.invoices.issue import set_refunded
from payments.invoices.models import PAID, REFUNDED, Invoice
from payments.kit import clock
from payments.kit.db import db
from payments.kit.transactions import after_commit, transaction
from payments.timeline.append import append
from payments.workspaces import queries, waiting
from payments.workspaces.models import Charge, Refund
from payments.workspaces.models.charges import CANCELED, FAILED, PENDING, SUBMITTED, SUCCEEDED

# Stripe may take a success back (the bank returned the money): that is the last word.
# https://docs.stripe.com/refunds#failed-refunds
_RANK = {PENDING: 0, SUBMITTED: 1, SUCCEEDED: 2, FAILED: 3, CANCELED: 3}
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


def record(refund_id: int, outcome: RefundOutcome, *, actor: str) -> None:
    """Apply what Stripe said about a refund; idempotent, and a status only ever climbs."""
    with transaction():
        refund = db.session.get_one(Refund, refund_id)
        queries.lock_workspace(refund.workspace_id)
        db.session.refresh(refund)
        _apply(refund, outcome, actor)


def adopt(charge: Charge, results: list[RefundResult], *, actor: str) -> None:
    """Bring a charge's refunds level with Stripe's list: those made in the dashboard get a row."""
    charge_id, workspace_id = charge.id, charge.workspace_id
    with transaction():
        queries.lock_workspace(workspace_id)
        charge = db.session.get_one(Charge, charge_id)
        known = {r.stripe_refund_id or r.id: r for r in queries.refunds_of(charge.invoice_id)}
        for result in reversed(results):  # Stripe lists the newest first
            ours = known.get(result.id) or _marked(known, result) or _made_elsewhere(charge, result)
            _apply(ours, of_result(result), actor)


def _marked(known: dict[str | int, Refund], result: RefundResult) -> Refund | None:
    """Find the row of a refund of ours whose answer never reached us, by its metadata."""
    marked = result.metadata.get("refund_id", "")
    return known.get(int(marked)) if marked.isdecimal() else None


def _made_elsewhere(charge: Charge, result: RefundResult) -> Refund:
    refund = Refund(
        workspace_id=charge.workspace_id,
        charge_id=charge.id,
        invoice_id=charge.invoice_id,
        amount_minor=result.amount,
        currency=result.currency,
        reason=result.reason,
        created_at=clock.from_timestamp(result.created),
    )
    db.session.add(refund)
    db.session.flush()
    return refund


def _apply(refund: Refund, outcome: RefundOutcome, actor: str) -> None:
    if _RANK[outcome.status] <= _RANK[refund.status]:
        return
    refund.status = outcome.status
    refund.stripe_refund_id = outcome.stripe_refund or refund.stripe_refund_id
    refund.error_code, refund.error_message = (
        outcome.error_code,
        (outcome.message or "")[:500] or None,
    )
    refund.leased_until, refund.uncertain, refund.settled_at = None, False, clock.now()
    db.session.flush()
    _restate_invoice(refund.invoice_id)
    _note(refund, actor)
    refund_id = refund.id
    after_commit(lambda: waiting.announce(Refund, refund_id))


def _restate_invoice(invoice_id: int) -> None:
    invoice = db.session.get_one(Invoice, invoice_id, populate_existing=True)
    total = sum(r.amount_minor for r in queries.refunds_of(invoice_id) if r.status in _COUNTED)
    if invoice.status in {PAID, REFUNDED} and total != invoice.refunded_minor:
        set_refunded(invoice, total)
        documents.request(invoice)


def _note(refund: Refund, actor: str) -> None:
    append(
        f"refund.{refund.status}",
        actor=actor,
        subject=f"refund:{refund.id}",
        workspace_id=refund.workspace_id,
        stripe_id=refund.stripe_refund_id,
        amount_minor=refund.amount_minor,
    )
