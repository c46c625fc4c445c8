"""Charges that wait, for their card's holder or for Stripe: look again, cancel, expire."""

from __future__ import annotations

import logging

import sqlalchemy as sa

from payments.gateway.errors import GatewayError, Rejected
from payments.gateway.gateway import Gateway, platform
from payments.gateway.results import Payment
from payments.kit import leases
from payments.kit.db import db
from payments.kit.transactions import end_read, transaction
from payments.workspaces.charges.outcomes import Outcome
from payments.workspaces.charges.record import (
    note_closed,
    note_still_open,
    record_outcome,
    record_payment,
)
from payments.workspaces.models import Charge
from payments.workspaces.models.charges import (
    ABANDONED,
    FAILED,
    REQUIRES_ACTION,
    SUCCEEDED,
    UNCLOSED,
)

log = logging.getLogger(__name__)

BATCH = 50  # failed PaymentIntents that are closed in one sweep

GONE = Outcome(ABANDONED, None, "canceled", None, "The payment was canceled.")


def refresh(charge: Charge, *, actor: str) -> str | None:
    """Ask Stripe how far the authentication is, record it, and return the client secret.

    The secret is never stored. None when Stripe cannot be asked or the charge needs no action.
    """
    charge_id, intent = charge.id, charge.stripe_payment_intent_id
    if charge.status != REQUIRES_ACTION or intent is None:
        return None
    end_read()
    try:
        payment = platform().get_payment(intent)
    except GatewayError as error:
        log.warning("cannot look at charge %s: %s", charge_id, error.code)
        return None
    apply_payment(charge_id, payment, actor=actor)
    return payment.client_secret


def apply_payment(charge_id: int, payment: Payment, *, actor: str) -> None:
    """Record what a PaymentIntent says, and close what must never take money any more.

    One that failed is canceled, and so is the charge's stored one when another was paid.
    """
    former = _read_stored_intent(charge_id)
    if not record_payment(charge_id, payment, actor=actor):
        return
    status = _read_status(charge_id)
    if status == FAILED and payment.status == "requires_payment_method":
        _close_failed(charge_id, payment.id, actor)
    if status == SUCCEEDED and former not in {None, payment.id}:
        _try_to_cancel(str(former))


def close_failed_intents() -> int:
    """Cancel PaymentIntents of failed charges that could not be canceled at once; return how many.

    Until then somebody who has the client secret could still pay with them.
    """
    query = sa.select(Charge.id, Charge.stripe_payment_intent_id).where(
        UNCLOSED, leases.is_due(Charge)
    )
    due = db.session.execute(query.limit(BATCH)).all()
    end_read()
    for charge_id, intent in due:
        if intent is not None:
            _close_failed(charge_id, intent, "sweep")
    return len(due)


def _close_failed(charge_id: int, payment_intent: str, actor: str) -> None:
    """Cancel a failed charge's PaymentIntent; if it has moved on, that counts instead."""
    try:
        closed = close_payment_intent(platform(), payment_intent)
    except GatewayError as error:
        log.warning("could not cancel %s yet: %s", payment_intent, error.code)
        note_still_open(charge_id)
        return
    if closed.status != "canceled":
        record_payment(charge_id, closed, actor=actor)
    note_closed(charge_id)


def close_payment_intent(gateway: Gateway, payment_intent: str) -> Payment:
    """Cancel the PaymentIntent, or return it as it is when it can no longer be canceled."""
    try:
        return gateway.cancel_payment(payment_intent)
    except Rejected:
        return gateway.get_payment(payment_intent)


def expire(charge_id: int) -> None:
    """Cancel a charge whose holder never came back; one that was paid meanwhile is recorded so."""
    with transaction():
        fence = leases.claim(Charge, charge_id, (REQUIRES_ACTION,), seconds=60)
        intent = db.session.get_one(Charge, charge_id).stripe_payment_intent_id
    if fence is None or intent is None:
        return
    try:
        payment = close_payment_intent(platform(), intent)
    except Rejected as error:
        if not error.is_missing:
            raise
        log.error("Stripe does not know %s of charge %s", intent, charge_id)
        record_outcome(charge_id, GONE, actor="sweep", fence=fence)
    except GatewayError as error:
        log.warning("charge %s will expire later: %s", charge_id, error.code)
        _postpone_expiry(charge_id, fence, error)
    else:
        apply_payment(charge_id, payment, actor="sweep")
        _postpone_expiry(charge_id, fence)  # one that does not agree with its PaymentIntent


def _postpone_expiry(charge_id: int, fence: int, error: GatewayError | None = None) -> None:
    with transaction():
        charge = db.session.get_one(Charge, charge_id, with_for_update=True)
        if charge.fence != fence or charge.status != REQUIRES_ACTION:
            return
        if error is not None and error.throttled:
            leases.throttle(charge)
        else:
            leases.release(charge, due_in=leases.backoff(charge.tries))


def _try_to_cancel(payment_intent: str) -> None:
    try:
        platform().cancel_payment(payment_intent)
    except GatewayError as error:
        log.warning("could not cancel %s: %s", payment_intent, error.code)


def _read_stored_intent(charge_id: int) -> str | None:
    found = db.session.get_one(Charge, charge_id, populate_existing=True).stripe_payment_intent_id
    end_read()
    return found


def _read_status(charge_id: int) -> str:
    found = db.session.get_one(Charge, charge_id, populate_existing=True).status
    end_read()
    return found
