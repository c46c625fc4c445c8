"""Create a charge's PaymentIntent, store its id, confirm it: with no transaction open meanwhile.

One PaymentIntent takes money once, however often and by however many processes it is confirmed.
A creation whose answer is lost costs nothing, as nobody confirms what is not stored.
https://docs.stripe.com/payments/payment-intents
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from payments.gateway.client import wait_as_worker
from payments.gateway.errors import ActionRequired, BadCredentials, Declined, GatewayError, Rejected
from payments.gateway.gateway import Gateway, platform
from payments.gateway.results import Payment
from payments.installation.names import make_idempotency_key, make_metadata
from payments.invoices.models import Invoice
from payments.kit import steps
from payments.kit.db import db
from payments.kit.repeat import repeated
from payments.kit.transactions import end_read, transaction
from payments.workspaces import attempts, queries
from payments.workspaces.attempts import Attempt, LeaseLost
from payments.workspaces.charges import outcomes
from payments.workspaces.charges.action import apply_payment, close_payment_intent
from payments.workspaces.charges.lookup import find_payment_intent
from payments.workspaces.charges.outcomes import Outcome
from payments.workspaces.charges.record import record_outcome
from payments.workspaces.customers import forget_customer
from payments.workspaces.identity import find_payment_disagreements
from payments.workspaces.models import Charge, Workspace
from payments.workspaces.models.charges import ABANDONED, FAILED, NOT_AT_STRIPE
from payments.workspaces.payment_methods.manage import drop_detached

log = logging.getLogger(__name__)

EXPIRED = Outcome(ABANDONED, None, "expired", None, "The payment could not be made in time.")
DETACHED = Outcome(FAILED, None, "invalid_payment_method", None, "Invalid payment method")
LOST = Outcome(ABANDONED, None, "stripe_error", None, "Stripe does not know the PaymentIntent")

CONFIRMABLE = "requires_confirmation"
# https://docs.stripe.com/error-codes#payment-intent-unexpected-state
_UNEXPECTED_STATE = "payment_intent_unexpected_state"
# https://docs.stripe.com/error-codes#amount-too-small
# https://support.stripe.com/questions/deprecation-of-fractional-isk-charges-and-refunds
_AMOUNTS = frozenset(
    {"amount_too_small", "amount_too_large", "invalid_charge_amount_no_decimal_compatible"}
)


@dataclass(frozen=True)
class Order:
    """What Stripe is told about a charge; `payment_intent` is the stored one."""

    reference: str
    workspace_id: int
    amount: int
    currency: str
    customer: str
    payment_method: str
    payment_intent: str | None
    is_legacy: bool
    description: str
    metadata: dict[str, str]


def run(charge_id: int) -> None:
    """Drive a pending charge to an outcome; do nothing when another worker holds it.

    Safe to repeat, and safe to be overtaken: a run whose lease is lost confirms nothing.
    """
    claimed = _claim_charge(charge_id)
    if claimed is None:
        return
    steps.passed("charge.claimed")
    attempt, order = claimed
    try:
        with wait_as_worker():
            _settle(attempt, _drive(attempt, order))
    except LeaseLost:
        log.warning("charge %s was taken over or settled meanwhile", charge_id)


@repeated
def _claim_charge(charge_id: int) -> tuple[Attempt, Order] | None:
    with transaction():
        attempt = attempts.claim(Charge, charge_id)
        return None if attempt is None else (attempt, _read_order(charge_id))


def _read_order(charge_id: int) -> Order:
    charge = db.session.get_one(Charge, charge_id)
    invoice = db.session.get_one(Invoice, charge.invoice_id)
    workspace = db.session.get_one(Workspace, charge.workspace_id)
    return Order(
        reference=charge.reference,
        workspace_id=charge.workspace_id,
        amount=charge.amount_minor,
        currency=charge.currency,
        customer=queries.get_customer(charge) or "",
        payment_method=charge.stripe_payment_method_id,
        payment_intent=charge.stripe_payment_intent_id,
        is_legacy=charge.legacy_metadata,
        description=invoice.description,
        metadata=make_metadata(
            charge=charge.reference,
            workspace=workspace.reference,
            invoice_number=invoice.invoice_number,
            plan=invoice.plan_slug,
        ),
    )


def _drive(attempt: Attempt, order: Order) -> Payment | Outcome | None:
    """Return what became of the charge at Stripe; None when it has to come back."""
    try:
        gateway = platform()
        if attempt.too_old:
            return _close_old(gateway, attempt, order)
        payment = _get_or_create(gateway, attempt, order)
        if not isinstance(payment, Payment) or not _may_confirm(attempt, payment):
            return payment
        return _confirm(gateway, attempt, order, payment)
    except GatewayError as error:
        return _decide(attempt, order, error)


def _settle(attempt: Attempt, result: Payment | Outcome | None) -> None:
    if isinstance(result, Outcome):
        record_outcome(attempt.row_id, result, actor="worker", fence=attempt.fence)
    elif result is not None:
        apply_payment(attempt.row_id, result, actor="worker")
        # What is still on its way, or does not agree with the row, comes back.
        attempts.put_back(attempt)


def _get_or_create(gateway: Gateway, attempt: Attempt, order: Order) -> Payment | Outcome | None:
    if order.payment_intent is not None:
        return _get_stored(gateway, attempt, order.payment_intent)
    found = find_payment_intent(gateway, attempt.row_id) if attempt.uncertain else None
    if found is None and order.is_legacy:
        # A former release may have confirmed it in the call that created it: never another one.
        attempts.put_back(attempt)
        return None
    if found is None:
        attempts.renew(attempt)
        made = _create(gateway, order)
        if isinstance(made, Outcome):
            return made
        found = made
    steps.passed("charge.intent_created")
    attempts.store_payment_intent(attempt, found.id)
    steps.passed("charge.intent_stored")
    return found


def _get_stored(gateway: Gateway, attempt: Attempt, payment_intent: str) -> Payment | Outcome:
    try:
        return gateway.get_payment(payment_intent)
    except Rejected as error:
        if not error.is_missing:
            raise
    attempts.flag(attempt, NOT_AT_STRIPE, f"Stripe does not know {payment_intent}")
    return LOST


def _create(gateway: Gateway, order: Order) -> Payment | Outcome:
    end_read()
    steps.passed("charge.creating")
    try:
        return gateway.create_payment_intent(
            amount=order.amount,
            currency=order.currency,
            customer=order.customer,
            payment_method=order.payment_method,
            description=order.description,
            metadata=order.metadata,
            key=make_idempotency_key("charge", order.reference, "create"),
        )
    except Rejected as error:
        if error.key_reused:
            raise
        return _explain_refusal(gateway, order, error)


def _may_confirm(attempt: Attempt, payment: Payment) -> bool:
    """Return whether the PaymentIntent waits for its confirmation and is the charge's indeed."""
    charge = db.session.get_one(Charge, attempt.row_id, populate_existing=True)
    wrong = find_payment_disagreements(charge, payment)
    end_read()
    return payment.status == CONFIRMABLE and not wrong


def _confirm(
    gateway: Gateway, attempt: Attempt, order: Order, payment: Payment
) -> Payment | Outcome:
    """Confirm the stored PaymentIntent: each run under a key of its own, as a stored 500 would be
    replayed; the object itself takes money once."""
    held_until = attempts.renew(attempt)
    steps.passed("charge.confirming")
    attempts.check_lease(held_until)
    key = make_idempotency_key("charge", order.reference, "confirm", attempt.fence)
    try:
        confirmed = gateway.confirm_payment_intent(payment.id, key=key)
    except Rejected as error:
        return _resolve_refused_confirmation(gateway, order, payment, error)
    except Declined as error:
        # Stripe sends the PaymentIntent along; should it be missing, it is asked for.
        return error.payment or gateway.get_payment(payment.id)
    steps.passed("charge.confirmed")
    return confirmed


def _resolve_refused_confirmation(
    gateway: Gateway, order: Order, payment: Payment, error: Rejected
) -> Payment | Outcome:
    """Look at the PaymentIntent, or cancel what cannot be confirmed, before calling it failed."""
    if error.code == _UNEXPECTED_STATE:
        return gateway.get_payment(payment.id)
    closed = close_payment_intent(gateway, payment.id)
    if closed.status != "canceled":
        return closed
    return _explain_refusal(gateway, order, error)


def _explain_refusal(gateway: Gateway, order: Order, error: Rejected) -> Outcome:
    """Tell a customer that is gone and a card that was detached from our own mistakes."""
    if error.is_missing_customer:
        forget_customer(order.workspace_id, order.customer, actor="worker")
        return DETACHED
    if order.customer and not _is_still_attached(gateway, order.customer, order.payment_method):
        drop_detached(order.payment_method, actor="worker")
        return DETACHED
    log.error("Stripe refused charge %s: %s", order.reference, error.message)
    code = "amount_not_chargeable" if error.code in _AMOUNTS else "stripe_error"
    return outcomes.of_refusal(error, code)


def _is_still_attached(gateway: Gateway, customer: str, method: str) -> bool:
    try:
        return gateway.get_card(method).customer == customer
    except Rejected:
        return False


def _close_old(gateway: Gateway, attempt: Attempt, order: Order) -> Payment | Outcome:
    """Cancel what nobody expects to be charged for any more; what was paid stays paid."""
    intent = order.payment_intent
    if intent is None and attempt.uncertain:
        found = find_payment_intent(gateway, attempt.row_id)
        intent = found.id if found else None
    if intent is None:
        return EXPIRED
    try:
        closed = close_payment_intent(gateway, intent)
    except Rejected as error:
        if not error.is_missing:
            raise
        attempts.flag(attempt, NOT_AT_STRIPE, f"Stripe does not know {intent}")
        return EXPIRED
    return EXPIRED if closed.status == "canceled" else closed


def _decide(attempt: Attempt, order: Order, error: GatewayError) -> Payment | Outcome | None:
    """Turn one of the six errors into an outcome; None when the charge has to come back."""
    match error:
        case Declined() if error.payment is None:
            return outcomes.of_decline(error)
        case Declined() | ActionRequired():
            return error.payment
        case BadCredentials() if not attempt.uncertain and order.payment_intent is None:
            log.error("the platform's Stripe key was refused: %s", error.code)
            return outcomes.of_refusal(error, "stripe_not_configured")
    attempts.postpone(attempt, error)
    return None
