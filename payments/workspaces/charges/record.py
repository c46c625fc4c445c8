"""Record: the only place that changes a charge's status, whoever learnt of the outcome."""

from __future__ import annotations

import logging
from datetime import timedelta

import sqlalchemy as sa

from payments.invoices import documents
from payments.invoices.issue import mark_failed, mark_paid
from payments.invoices.models import Invoice
from payments.kit import clock
from payments.kit.db import db
from payments.kit.transactions import after_commit, transaction
from payments.timeline.append import append
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

log = logging.getLogger(__name__)

ACTION_EXPIRES_AFTER = timedelta(hours=24)

# A status only ever climbs. Even a failed charge can still succeed (its holder authenticated after
# all), and a success is never taken back: refunds have rows of their own.
_RANK = {PENDING: 0, REQUIRES_ACTION: 1, FAILED: 2, CANCELED: 2, SUCCEEDED: 3}


def record(charge_id: int, outcome: Outcome, *, actor: str) -> bool:
    """Apply what Stripe said about a charge; True when it changed something.

    Idempotent and never moving back, so request, worker, webhook and sweep may all call it.
    """
    with transaction():
        charge, workspace = _locked(charge_id)
        if _RANK[outcome.status] <= _RANK[charge.status]:
            return False
        _take_over(charge, outcome)
        invoice = db.session.get_one(Invoice, charge.invoice_id)
        _APPLY[outcome.status](charge, invoice, workspace)
        _note(charge, actor)
        after_commit(lambda: waiting.announce(Charge, charge_id))
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
    charge.leased_until, charge.uncertain = None, False
    if outcome.status != REQUIRES_ACTION:
        charge.settled_at = clock.now()


def _succeed(charge: Charge, invoice: Invoice, workspace: Workspace) -> None:
    mark_paid(invoice, at=clock.now(), payment_intent=charge.stripe_payment_intent_id)
    target = queries.get_plan(charge.plan_id)
    if target.rank > workspace.plan.rank:
        workspace.plan = target
    else:
        # Paid late, after the workspace had moved up by another charge: a person must decide.
        charge.needs_attention = True
        log.error("charge %s was paid for a plan that is no longer an upgrade", charge.id)
    documents.request(invoice)


def _await_action(charge: Charge, invoice: Invoice, _workspace: Workspace) -> None:
    invoice.stripe_payment_intent_id = charge.stripe_payment_intent_id
    charge.expires_at = charge.due_at = clock.now() + ACTION_EXPIRES_AFTER


def _fail(charge: Charge, invoice: Invoice, _workspace: Workspace) -> None:
    mark_failed(invoice, payment_intent=charge.stripe_payment_intent_id)
    documents.request(invoice)


_APPLY = {SUCCEEDED: _succeed, REQUIRES_ACTION: _await_action, FAILED: _fail, CANCELED: _fail}


def _note(charge: Charge, actor: str) -> None:
    append(
        f"charge.{charge.status}",
        actor=actor,
        subject=f"charge:{charge.id}",
        workspace_id=charge.workspace_id,
        stripe_id=charge.stripe_payment_intent_id,
        code=charge.decline_code or charge.error_code,
    )
