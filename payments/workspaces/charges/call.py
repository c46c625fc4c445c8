"""Call: ask Stripe for the money of a reserved charge, with no transaction open meanwhile."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from payments.gateway.errors import ActionRequired, BadCredentials, Declined, GatewayError, Rejected
from payments.gateway.gateway import Gateway, platform
from payments.invoices.models import Invoice
from payments.kit import steps
from payments.kit.db import db
from payments.kit.repeat import repeated
from payments.kit.transactions import end_read, transaction
from payments.workspaces import attempts
from payments.workspaces.attempts import Attempt
from payments.workspaces.charges import outcomes
from payments.workspaces.charges.lookup import find_outcome
from payments.workspaces.charges.outcomes import Outcome
from payments.workspaces.charges.record import record
from payments.workspaces.customers import ensure_customer
from payments.workspaces.models import Charge, Workspace
from payments.workspaces.models.charges import FAILED, PENDING
from payments.workspaces.payment_methods.manage import drop_detached

log = logging.getLogger(__name__)

EXPIRED = Outcome(FAILED, None, "expired", None, "The payment could not be made in time.")
DETACHED = Outcome(FAILED, None, "invalid_payment_method", None, "Invalid payment method")

# https://docs.stripe.com/error-codes#amount-too-small
_AMOUNTS = frozenset({"amount_too_small", "amount_too_large"})


@dataclass(frozen=True)
class Order:
    """What Stripe is told about a charge."""

    workspace_id: int
    amount: int
    currency: str
    payment_method: str
    payment_intent: str | None
    description: str
    metadata: dict[str, str]


def run(charge_id: int) -> None:
    """Drive a pending charge to an outcome; do nothing when another worker holds it.

    Safe to repeat: the key stays the same until an attempt is known to hold nothing.
    """
    claimed = _claimed(charge_id)
    if claimed is None:
        return
    steps.passed("charge.claimed")
    attempt, order = claimed
    outcome: Outcome | None
    try:
        outcome = _asked(attempt, order)
    except GatewayError as error:
        outcome = _decided(attempt, error)
    if outcome is None:
        return
    if outcome.status == PENDING:
        attempts.put_back(attempt, uncertain=True, intent=outcome.payment_intent)
    else:
        record(charge_id, outcome, actor="worker")


@repeated
def _claimed(charge_id: int) -> tuple[Attempt, Order] | None:
    with transaction():
        attempt = attempts.claim(Charge, charge_id)
        return None if attempt is None else (attempt, _order(charge_id))


def _order(charge_id: int) -> Order:
    charge = db.session.get_one(Charge, charge_id)
    invoice = db.session.get_one(Invoice, charge.invoice_id)
    # No attempt number in here: the parameters must stay the same under one key.
    metadata = {
        "workspace_id": str(charge.workspace_id),
        "charge_id": str(charge.id),
        "invoice_number": invoice.invoice_number,
        "plan": invoice.plan_slug,
    }
    return Order(
        workspace_id=charge.workspace_id,
        amount=charge.amount_minor,
        currency=charge.currency,
        payment_method=charge.stripe_payment_method_id,
        payment_intent=charge.stripe_payment_intent_id,
        description=invoice.description,
        metadata=metadata,
    )


def _asked(attempt: Attempt, order: Order) -> Outcome:
    gateway = platform()
    if order.payment_intent:
        return outcomes.of_payment(gateway.get_payment(order.payment_intent))
    if attempt.stale:
        return EXPIRED
    customer = ensure_customer(
        gateway, db.session.get_one(Workspace, order.workspace_id), actor="worker"
    )
    end_read()
    steps.passed("charge.customer_ready")
    if attempt.look_first:
        return _looked_up(gateway, customer, attempt, order)
    return _charged(gateway, customer, order, attempt.key)


def _looked_up(gateway: Gateway, customer: str, attempt: Attempt, order: Order) -> Outcome:
    found = find_outcome(gateway, customer, charge_id=attempt.row_id, created=attempt.created)
    if found is not None:
        return found
    if attempt.too_old:
        return EXPIRED
    return _charged(gateway, customer, order, attempts.next_attempt(attempt))


def _charged(gateway: Gateway, customer: str, order: Order, key: str) -> Outcome:
    steps.passed("charge.calling")
    try:
        payment = gateway.charge(
            amount=order.amount,
            currency=order.currency,
            customer=customer,
            payment_method=order.payment_method,
            description=order.description,
            metadata=order.metadata,
            key=key,
        )
    except Rejected as error:
        if error.key_reused or _still_attached(gateway, customer, order.payment_method):
            raise
        drop_detached(order.payment_method, actor="worker")
        return DETACHED
    steps.passed("charge.answered")
    return outcomes.of_payment(payment)


def _still_attached(gateway: Gateway, customer: str, method: str) -> bool:
    """Tell our own mistake from a card that was detached in Stripe's dashboard."""
    try:
        return gateway.get_card(method).customer == customer
    except Rejected:
        return False


def _decided(attempt: Attempt, error: GatewayError) -> Outcome | None:
    """Turn one of the six errors into an outcome; None when the charge has to come back."""
    match error:
        case Declined():
            return outcomes.of_decline(error)
        case ActionRequired():
            return outcomes.needs_action(error.payment_intent, error.message)
        case Rejected(key_reused=False):
            log.error("Stripe rejected charge %s: %s", attempt.row_id, error.message)
            code = "amount_not_chargeable" if error.code in _AMOUNTS else "stripe_error"
            return outcomes.of_refusal(error, code)
        case BadCredentials() if not attempt.uncertain:
            log.error("the platform's Stripe key was refused: %s", error.code)
            return outcomes.of_refusal(error, "stripe_not_configured")
    attempts.postpone(attempt, error)
    return None
