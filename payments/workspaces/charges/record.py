"""Record: the only place that changes a charge's status, whoever learnt of the outcome."""

from __future__ import annotations

import logging
from datetime import timedelta

import sqlalchemy as sa

from payments.gateway.results import Payment
from payments.invoices import documents
from payments.invoices.issue import mark_failed, mark_paid
from payments.invoices.models import Invoice
from payments.kit import clock, leases, steps
from payments.kit.db import db
from payments.kit.repeat import repeated
from payments.kit.transactions import after_commit, transaction
from payments.workspaces import queries, waiting
from payments.workspaces.anomalies import report_duplicate, report_mismatch
from payments.workspaces.attention import clear_passing_flag, flag_row
from payments.workspaces.charges.outcomes import Outcome, of_payment
from payments.workspaces.identity import find_payment_disagreements
from payments.workspaces.models import Charge, Workspace
from payments.workspaces.models.charges import (
    ABANDONED,
    CANCELED,
    FAILED,
    PAID_LATE,
    PENDING,
    REQUIRES_ACTION,
    SUCCEEDED,
)
from payments.workspaces.money_log import log_settled_charge
from payments.workspaces.notes import note_charge, note_invoice
from payments.workspaces.plans.switch import switch_plan
from payments.workspaces.refunds.record import restate_invoice

log = logging.getLogger(__name__)

ACTION_EXPIRES_AFTER = timedelta(hours=24)

# A status only ever climbs. What we concluded without Stripe's word (abandoned) stands below
# whatever Stripe says. Even a failed charge can still succeed (its holder authenticated after
# all), and a success is never taken back: refunds have rows of their own.
_RANK = {PENDING: 0, REQUIRES_ACTION: 1, ABANDONED: 2, FAILED: 3, CANCELED: 3, SUCCEEDED: 4}
# Failures that are no answer of Stripe's about the payment: a client that repeats its request
# under the same Idempotency-Key gets a new charge instead of this one's 500 again.
_REPEATABLE = frozenset({"stripe_error", "stripe_not_configured", "expired"})


def climbs(ours: str, theirs: str) -> bool:
    """Say whether a status that Stripe tells of is news to a charge of this one."""
    return _RANK[theirs] > _RANK[ours]


@repeated
def record_payment(charge_id: int, payment: Payment, *, actor: str) -> bool:
    """Apply what a PaymentIntent says about its charge; True when it changed something.

    Idempotent and never moving back, so request, worker, webhook and sweep may all call it. A
    PaymentIntent whose facts are not the charge's, and a second one that took money, are stored
    and flagged, and change nothing.
    """
    with transaction():
        charge, workspace = _lock(charge_id)
        wrong = find_payment_disagreements(charge, payment)
        if wrong:
            report_mismatch(charge, payment, wrong, actor=actor)
            return False
        if charge.stripe_payment_intent_id not in {None, payment.id}:
            if payment.status != "succeeded":
                return False  # another attempt's, which took nothing
            if charge.status == SUCCEEDED:
                report_duplicate(charge, payment, actor=actor)
                return False
        changed = _apply(charge, workspace, of_payment(payment), actor)
        if changed and charge.status == FAILED:
            # It still has to be canceled, lest anybody pay with it later.
            charge.uncertain = payment.status == "requires_payment_method"
    if changed:
        steps.passed("charge.announced")
    return changed


@repeated
def note_closed(charge_id: int) -> None:
    """Say that a failed charge's PaymentIntent can take no money any more."""
    with transaction():
        charge = db.session.get_one(Charge, charge_id, with_for_update=True)
        if charge.status != PENDING:
            charge.uncertain = False


@repeated
def note_still_open(charge_id: int) -> None:
    """Let a failed charge's PaymentIntent be canceled by a later sweep."""
    with transaction():
        charge = db.session.get_one(Charge, charge_id, with_for_update=True)
        if charge.status == FAILED:
            charge.tries += 1
            leases.release(charge, due_in=leases.backoff(charge.tries))


@repeated
def record_outcome(
    charge_id: int,
    outcome: Outcome,
    *,
    actor: str,
    fence: int | None = None,
    only_without_intent: bool = False,
) -> bool:
    """Apply what we concluded without a PaymentIntent's word; True when it changed something.

    With a `fence` only while the row is still the caller's: a process that slept knows nothing.
    """
    with transaction():
        charge, workspace = _lock(charge_id)
        if fence is not None and charge.fence != fence:
            return False
        if only_without_intent and charge.stripe_payment_intent_id is not None:
            return False
        changed = _apply(charge, workspace, outcome, actor)
    if changed:
        steps.passed("charge.announced")
    return changed


def _apply(charge: Charge, workspace: Workspace, outcome: Outcome, actor: str) -> bool:
    if not climbs(charge.status, outcome.status):
        return False
    charge_id = charge.id
    after_commit(lambda: steps.passed("charge.recorded"))
    _take_over(charge, outcome)
    invoice = db.session.get_one(Invoice, charge.invoice_id)
    code = charge.decline_code or charge.error_code
    note_charge(charge.status, charge, invoice, actor=actor, code=code)
    _APPLY[outcome.status](charge, invoice, workspace, actor)
    log_settled_charge(charge, actor=actor)
    after_commit(lambda: waiting.announce(Charge, charge_id))
    steps.passed("charge.recording")
    return True


def _lock(charge_id: int) -> tuple[Charge, Workspace]:
    """Lock the workspace, then the charge: everybody takes locks in this order."""
    workspace_id = db.session.scalars(
        sa.select(Charge.workspace_id).where(Charge.id == charge_id)
    ).one()
    workspace = queries.lock_workspace(workspace_id)
    query = sa.select(Charge).where(Charge.id == charge_id).with_for_update()
    return db.session.scalars(query.execution_options(populate_existing=True)).one(), workspace


def _take_over(charge: Charge, outcome: Outcome) -> None:
    charge.status = outcome.status
    charge.stripe_payment_intent_id = outcome.payment_intent or charge.stripe_payment_intent_id
    charge.error_code, charge.decline_code = outcome.error_code, outcome.decline_code
    charge.error_message = (outcome.message or "")[:500] or None
    leases.release(charge)
    charge.uncertain = False
    clear_passing_flag(charge)
    if outcome.error_code in _REPEATABLE:
        charge.request_key = None
    if outcome.status != REQUIRES_ACTION:
        charge.settled_at = clock.now()


def _succeed(charge: Charge, invoice: Invoice, workspace: Workspace, actor: str) -> None:
    mark_paid(invoice, at=clock.now(), payment_intent=charge.stripe_payment_intent_id)
    note_invoice("paid", invoice, actor=actor)
    db.session.flush()
    # Somebody may have given money back in Stripe's dashboard before we heard of the payment.
    restate_invoice(invoice, actor=actor)
    target = queries.get_plan(charge.plan_id)
    if target.rank > workspace.plan.rank:
        switch_plan(workspace, target, invoice, actor=actor, charge_id=charge.id)
    else:
        # Paid late, after the workspace had moved up by another charge: a person must decide.
        flag_row(charge, PAID_LATE, "paid for a plan that is no longer an upgrade", actor=actor)
    documents.request(invoice)


def _await_action(charge: Charge, invoice: Invoice, _workspace: Workspace, _actor: str) -> None:
    invoice.stripe_payment_intent_id = charge.stripe_payment_intent_id
    charge.expires_at = clock.now() + ACTION_EXPIRES_AFTER
    charge.due_at = leases.moment_in(ACTION_EXPIRES_AFTER)


def _fail(charge: Charge, invoice: Invoice, _workspace: Workspace, actor: str) -> None:
    if invoice.status == "failed":
        return  # what we had given up, Stripe now says the same of
    mark_failed(invoice, payment_intent=charge.stripe_payment_intent_id)
    note_invoice("failed", invoice, actor=actor)
    documents.request(invoice)


_APPLY = {
    SUCCEEDED: _succeed,
    REQUIRES_ACTION: _await_action,
    ABANDONED: _fail,
    FAILED: _fail,
    CANCELED: _fail,
}
