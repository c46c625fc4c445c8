"""Record: the only place that changes a refund's status and what its invoice says of it."""

from __future__ import annotations

import logging
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
from payments.workspaces.attention import clear_passing_flag, flag_row
from payments.workspaces.identity import find_refund_disagreements, is_named
from payments.workspaces.models import Charge, Refund
from payments.workspaces.models.charges import (
    ABANDONED,
    CANCELED,
    FACTS_DISAGREE,
    FAILED,
    PAID_TWICE,
    PENDING,
    SUBMITTED,
    SUCCEEDED,
)
from payments.workspaces.money_log import log_settled_refund
from payments.workspaces.notes import note_invoice, note_refund
from payments.workspaces.refunds.lookup import is_refund_of

log = logging.getLogger(__name__)

# Of one object at Stripe: a success may be taken back (the bank returned the money), and that is
# the last word. What we concluded without an object counts for less than any object's status.
# https://docs.stripe.com/refunds#failed-refunds
_RANK = {PENDING: 0, ABANDONED: 1, SUBMITTED: 2, SUCCEEDED: 3, FAILED: 4, CANCELED: 4}
_AT_STRIPE = frozenset({SUCCEEDED, FAILED, CANCELED})
# When one that is not paid out yet is first asked about, should no event tell of it before.
FIRST_LOOK = timedelta(minutes=1)
_COUNTED = (SUBMITTED, SUCCEEDED)
# No answer of Stripe's about the refund: a repeated request gets a new one.
_REPEATABLE = frozenset({"stripe_not_configured"})


@dataclass(frozen=True)
class RefundOutcome:
    """A status, with what Stripe said about it."""

    status: str
    stripe_refund: str | None = None
    error_code: str | None = None
    message: str | None = None


def of_result(result: RefundResult) -> RefundOutcome:
    """Read Stripe's Refund; one that is not paid out yet counts as refunded already.

    https://docs.stripe.com/api/refunds/object#refund_object-status
    """
    status = result.status if result.status in _AT_STRIPE else SUBMITTED
    return RefundOutcome(status, result.id, result.failure_reason)


def is_news(refund: Refund, outcome: RefundOutcome) -> bool:
    """Return whether an outcome changes the row: an object's first word always does."""
    if outcome.stripe_refund is not None and refund.stripe_refund_id is None:
        return True
    return _RANK[outcome.status] > _RANK[refund.status]


@repeated
def record_refund_result(refund_id: int, result: RefundResult, *, actor: str) -> None:
    """Apply what Stripe's Refund says; idempotent. One that is not the row's is only flagged."""
    with transaction():
        refund, charge = _lock(refund_id)
        wrong = find_refund_disagreements(refund, charge, result)
        if refund.stripe_refund_id not in {None, result.id}:
            wrong = ["id"]  # a second refund under this row's names
        if wrong:
            _flag_mismatch(refund, result, wrong, actor)
            return
        _apply(refund, of_result(result), actor)
    steps.passed("refund.announced")


@repeated
def record_refund_outcome(
    refund_id: int, outcome: RefundOutcome, *, actor: str, fence: int
) -> None:
    """Apply what we concluded without a Refund's word, while the row is still the caller's."""
    with transaction():
        refund, _ = _lock(refund_id)
        if refund.fence != fence:
            return
        _apply(refund, outcome, actor)
    steps.passed("refund.announced")


def _lock(refund_id: int) -> tuple[Refund, Charge]:
    refund = db.session.get_one(Refund, refund_id)
    queries.lock_workspace(refund.workspace_id)
    db.session.refresh(refund)
    after_commit(lambda: steps.passed("refund.recorded"))
    return refund, db.session.get_one(Charge, refund.charge_id)


@repeated
def adopt(charge_id: int, results: list[RefundResult], *, actor: str) -> None:
    """Bring a charge's refunds level with Stripe's list: those made in the dashboard get a row.

    Only refunds of the charge's own PaymentIntent are taken over.
    """
    with transaction():
        charge = db.session.get_one(Charge, charge_id)
        queries.lock_workspace(charge.workspace_id)
        db.session.refresh(charge)
        for result in reversed(results):  # Stripe lists the newest first
            if result.payment_intent == charge.stripe_payment_intent_id:
                _adopt_one(charge, result, actor)


def _adopt_one(charge: Charge, result: RefundResult, actor: str) -> None:
    rows = queries.refunds_of(charge.invoice_id)
    ours = next((row for row in rows if is_refund_of(row, result)), None)
    if ours is None:
        _flag_second(rows, result, actor)
        ours = _add_found(charge, result, actor)
    wrong = find_refund_disagreements(ours, charge, result)
    if wrong:
        _flag_mismatch(ours, result, wrong, actor)
    else:
        _apply(ours, of_result(result), actor)


def _flag_second(rows: list[Refund], result: RefundResult, actor: str) -> None:
    """Ask for a person when a refund bears the names of a row that has another one already."""
    for row in rows:
        if is_named(row, "refund", result.metadata):
            flag_row(row, PAID_TWICE, f"{result.id} was given back beside it", actor=actor)


def _flag_mismatch(refund: Refund, result: RefundResult, wrong: list[str], actor: str) -> None:
    reason = f"it and {result.id} do not agree about {', '.join(wrong)}"
    flag_row(refund, FACTS_DISAGREE, reason, actor=actor)


def _add_found(charge: Charge, result: RefundResult, actor: str) -> Refund:
    refund = Refund(
        workspace_id=charge.workspace_id,
        charge_id=charge.id,
        invoice_id=charge.invoice_id,
        amount_minor=result.amount,
        currency=result.currency,
        reason=result.reason,
        stripe_refund_id=result.id,
        created_at=clock.from_timestamp(result.created),
        legacy_metadata=False,
    )
    db.session.add(refund)
    db.session.flush()
    note_refund("found", refund, db.session.get_one(Invoice, charge.invoice_id), actor=actor)
    return refund


def _apply(refund: Refund, outcome: RefundOutcome, actor: str) -> None:
    if not is_news(refund, outcome):
        return
    is_changed = refund.status != outcome.status
    refund.status = outcome.status
    refund.stripe_refund_id = outcome.stripe_refund or refund.stripe_refund_id
    refund.error_code, refund.error_message = (
        outcome.error_code,
        (outcome.message or "")[:500] or None,
    )
    leases.release(refund)
    refund.uncertain, refund.settled_at = False, clock.now()
    clear_passing_flag(refund)
    if outcome.error_code in _REPEATABLE:
        refund.request_key = None
    if refund.status == SUBMITTED:
        refund.tries, refund.due_at = 0, leases.moment_in(FIRST_LOOK)
    db.session.flush()
    invoice = db.session.get_one(Invoice, refund.invoice_id, populate_existing=True)
    if is_changed:
        note_refund(refund.status, refund, invoice, actor=actor, code=refund.error_code)
        log_settled_refund(refund, actor=actor)
    restate_invoice(invoice, actor=actor)
    refund_id = refund.id
    after_commit(lambda: waiting.announce(Refund, refund_id))
    steps.passed("refund.recording")


def restate_invoice(invoice: Invoice, *, actor: str) -> None:
    """Let a paid invoice say what all of its refunds give back, in the caller's transaction."""
    total = sum(r.amount_minor for r in queries.refunds_of(invoice.id) if r.status in _COUNTED)
    # A refund whose failure we have not heard of yet may stand beside the one made in its place.
    total = min(total, invoice.amount_minor)
    if invoice.status in {PAID, REFUNDED} and total != invoice.refunded_minor:
        set_refunded(invoice, total)
        note_invoice("refunded", invoice, actor=actor, refunded_minor=total, status=invoice.status)
        documents.request(invoice)
