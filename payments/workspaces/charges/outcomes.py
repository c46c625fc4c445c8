"""What can become of a charge, in words that the request, worker, webhook and sweep share."""

from __future__ import annotations

from dataclasses import dataclass

from payments.gateway.errors import Declined, GatewayError
from payments.gateway.results import Payment
from payments.workspaces.models.charges import (
    CANCELED,
    FAILED,
    PENDING,
    REQUIRES_ACTION,
    SUCCEEDED,
)


@dataclass(frozen=True)
class Outcome:
    """A status, with what Stripe said about it."""

    status: str
    payment_intent: str | None = None
    error_code: str | None = None
    decline_code: str | None = None
    message: str | None = None


def of_payment(payment: Payment) -> Outcome:
    """Read a PaymentIntent: only `succeeded` is money."""
    if payment.status == "succeeded":
        return Outcome(SUCCEEDED, payment.id)
    if payment.status == "canceled":
        return Outcome(CANCELED, payment.id, "canceled", None, "The payment was canceled.")
    if payment.status == "requires_action" or payment.error_code == "authentication_required":
        return needs_action(payment.id, payment.error_message)
    if payment.status == "requires_payment_method" and payment.error_code:
        return Outcome(
            FAILED, payment.id, payment.error_code, payment.decline_code, payment.error_message
        )
    return Outcome(PENDING, payment.id)


def needs_action(payment_intent: str, message: str | None = None) -> Outcome:
    """The card's holder must authenticate before the plan is granted."""
    sentence = message or "Your card was declined. This transaction requires authentication."
    code = "authentication_required"
    return Outcome(REQUIRES_ACTION, payment_intent, code, code, sentence)


def of_decline(error: Declined) -> Outcome:
    """The issuer's no to a request that made no PaymentIntent."""
    return Outcome(
        FAILED,
        None,
        error.code or "card_declined",
        error.decline_code,
        error.message,
    )


def of_refusal(error: GatewayError, code: str) -> Outcome:
    """Stripe did not even try: nothing was charged."""
    return Outcome(FAILED, None, code, None, error.message)
