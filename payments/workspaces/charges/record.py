"""Record: the only place that changes a charge's status, whoever learnt of the outcome."""

from __future__ import annotations

import logging
from datetime import timedelta

import sqlalchemy as sa

from payments.invoices import documents
from payments.invoices.issue import mark_failed, mark_paid
from payments.invoices.models import Invoice
from payments.kit import clock, leases, steps
from payments.kit.db import db
from payments.kit.repeat import repeated
from payments.kit.transactions import after_commit, transaction
from payments.workspaces import queries, waiting
from payments.workspaces.charges.outcomes import Outcome
from payments.workspaces.models import Charge, Workspace
from payments.workspaces.models.charges import (
    CANCELED,
    FAILED,
    PENDING,
    REQUIRES_ACTION,
    SUCCEEDED,
)
from payments.workspaces.notes import note_attention, note_charge, note_invoice
from payments.workspaces.plans.switch import switch_plan

log = logging.getLogger(__name__)

ACTION_EXPIRES_AFTER = timedelta(hours=24)

# A status only ever climbs. Even a failed charge can still succeed (its holder authenticated after
# all), and a success is never taken back: refunds have rows of their own.
_RANK = {PENDING: 0, REQUIRES_ACTION: 1, FAILED: 2, CANCELED: 2, SUCCEEDED: 3}


def climbs(ours: str, theirs: str) -> bool:
    """Say whether a status that Stripe tells of is news to a charge of this one."""
    return _RANK[theirs] > _RANK[ours]


@repeated
def record(charge_id: int, outcome: Outcome, *, actor: str) -> bool:
    """Apply what Stripe said about a charge; True when it changed something.

    Idempotent and never moving back, so request, worker, webhook and sweep may all call it.
    """
    with transaction():
        charge, workspace = _locked(charge_id)
        if not climbs(charge.status, outcome.status):
            return False
        after_commit(lambda: steps.passed("charge.recorded"))
        _take_over(charge, outcome)
        invoice = db.session.get_one(Invoice, charge.invoice_id)
        code = charge.decline_code or charge.error_code
        note_charge(charge.status, charge, invoice, actor=actor, code=code)
        _APPLY[outcome.status](charge, invoice, workspace, actor)
        after_commit(lambda: waiting.announce(Charge, charge_id))
        steps.passed("charge.recording")
    steps.passed("charge.announced")
    return True


def _locked(charge_id: int) -> tuple[Charge, Workspace]:
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
    if outcome.status != REQUIRES_ACTION:
        charge.settled_at = clock.now()


def _succeed(charge: Charge, invoice: Invoice, workspace: Workspace, actor: str) -> None:
    mark_paid(invoice, at=clock.now(), payment_intent=charge.stripe_payment_intent_id)
    note_invoice("paid", invoice, actor=actor)
    target = queries.get_plan(charge.plan_id)
    if target.rank > workspace.plan.rank:
        switch_plan(workspace, target, invoice, actor=actor, charge_id=charge.id)
    else:
        # Paid late, after the workspace had moved up by another charge: a person must decide.
        charge.needs_attention = True
        note_attention(charge, "paid for a plan that is no longer an upgrade", actor=actor)
        log.error("charge %s was paid for a plan that is no longer an upgrade", charge.id)
    documents.request(invoice)


def _await_action(charge: Charge, invoice: Invoice, _workspace: Workspace, _actor: str) -> None:
    invoice.stripe_payment_intent_id = charge.stripe_payment_intent_id
    charge.expires_at = charge.due_at = clock.now() + ACTION_EXPIRES_AFTER


def _fail(charge: Charge, invoice: Invoice, _workspace: Workspace, actor: str) -> None:
    mark_failed(invoice, payment_intent=charge.stripe_payment_intent_id)
    note_invoice("failed", invoice, actor=actor)
    documents.request(invoice)


_APPLY = {SUCCEEDED: _succeed, REQUIRES_ACTION: _await_action, FAILED: _fail, CANCELED: _fail}
