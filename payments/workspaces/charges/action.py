"""Charges that wait for their card's holder: look again, cancel, expire."""

from __future__ import annotations

import logging

from payments.gateway.errors import GatewayError, Rejected
from payments.gateway.gateway import Gateway, platform
from payments.gateway.results import Payment
from payments.kit import leases
from payments.kit.db import db
from payments.kit.transactions import end_read, transaction
from payments.workspaces import attempts, errors, queries
from payments.workspaces.charges.outcomes import of_payment
from payments.workspaces.charges.record import record
from payments.workspaces.guards import Access
from payments.workspaces.models import Charge
from payments.workspaces.models.charges import CANCELED, FAILED, REQUIRES_ACTION

log = logging.getLogger(__name__)


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
    """Record what a PaymentIntent says; one whose authentication failed is closed for good."""
    outcome = of_payment(payment)
    changed = record(charge_id, outcome, actor=actor)
    if changed and outcome.status == FAILED and payment.status == "requires_payment_method":
        _close(payment.id)


def _close(intent: str) -> None:
    # Its client secret was handed out: nobody may pay with it after we called it failed.
    try:
        platform().cancel_payment(intent)
    except GatewayError as error:
        log.warning("could not cancel %s: %s", intent, error.code)


def cancel(access: Access, charge_id: int) -> None:
    """Give up a charge that waits for authentication, so that another card can be tried.

    ChargeNotFound, or ChargeNotCancelable when it is settled, was paid in another window a moment
    ago, or Stripe is being asked just now.
    """
    charge = queries.find_charge(access.workspace.id, charge_id)
    if charge is None:
        raise errors.ChargeNotFound
    if charge.status != REQUIRES_ACTION or charge.stripe_payment_intent_id is None:
        raise errors.ChargeNotCancelable
    intent, actor = charge.stripe_payment_intent_id, access.actor
    end_read()
    outcome = of_payment(_ended(platform(), intent))
    record(charge_id, outcome, actor=actor)
    if outcome.status != CANCELED:
        raise errors.ChargeNotCancelable


def expire(charge_id: int) -> None:
    """Cancel a charge whose holder never came back; one that was paid meanwhile is recorded so."""
    with transaction():
        fence = leases.claim(Charge, charge_id, (REQUIRES_ACTION,), seconds=60)
        intent = db.session.get_one(Charge, charge_id).stripe_payment_intent_id
    if fence is None or intent is None:
        return
    try:
        payment = _ended(platform(), intent)
    except GatewayError as error:
        log.warning("charge %s will expire later: %s", charge_id, error.code)
        _later(charge_id, fence, error)
        return
    record(charge_id, of_payment(payment), actor="sweep")


def _later(charge_id: int, fence: int, error: GatewayError) -> None:
    with transaction():
        charge = db.session.get_one(Charge, charge_id, with_for_update=True)
        if charge.fence == fence and charge.status == REQUIRES_ACTION:
            attempts.give_back(charge, throttled=error.throttled)


def _ended(gateway: Gateway, intent: str) -> Payment:
    """Cancel the PaymentIntent, or return it as it is when it can no longer be canceled."""
    try:
        return gateway.cancel_payment(intent)
    except Rejected:
        return gateway.get_payment(intent)
