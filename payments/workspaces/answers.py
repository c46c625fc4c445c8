"""What an upgrade or a refund is answered with, by how far its money has come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from payments.kit.errors import AppError
from payments.workspaces import errors, waiting
from payments.workspaces.charges.action import refresh
from payments.workspaces.models import Charge, Refund
from payments.workspaces.models.charges import (
    ABANDONED,
    FAILED,
    PENDING,
    REQUIRES_ACTION,
    SUCCEEDED,
)

_CONFIGURATION, _STRIPE = "stripe_not_configured", "stripe_error"


def settled(charge: Charge) -> bool:
    """Say whether the charge succeeded; False while it is pending.

    Raises PaymentRequired (402) for a decline or a missing authentication, PaymentError or
    StripeNotConfigured (500) when Stripe did not even try, InvalidPaymentMethod (400) when the
    card is no longer attached there.
    """
    secret = None
    if charge.status == REQUIRES_ACTION:
        charge_id = charge.id
        secret = refresh(charge, actor=f"user:{charge.requested_by}")
        charge = waiting.current(Charge, charge_id)
    if charge.status in {SUCCEEDED, PENDING}:
        return charge.status == SUCCEEDED
    if charge.status == REQUIRES_ACTION:
        raise _authentication(charge, secret)
    raise _FAILURES.get(charge.error_code or "", _declined)(charge)


def _declined(charge: Charge) -> errors.PaymentRequired:
    details = {**_common(charge), "declineCode": charge.decline_code or charge.error_code}
    return errors.PaymentRequired(charge.error_message, details=details)


def _authentication(charge: Charge, secret: str | None) -> errors.PaymentRequired:
    details = _common(charge) | {
        "declineCode": charge.decline_code,
        "paymentMethodId": charge.stripe_payment_method_id,
        "status": charge.status,
    }
    message, code = charge.error_message, "authentication_required"
    if secret is not None:
        details["clientSecret"] = secret
    return errors.PaymentRequired(message, code=code, details=details)


def _common(charge: Charge) -> dict[str, Any]:
    return {
        "paymentIntentId": charge.stripe_payment_intent_id,
        "invoiceId": charge.invoice_id,
        "chargeId": charge.id,
    }


_FAILURES: dict[str, Callable[[Charge], AppError]] = {
    _STRIPE: lambda charge: errors.PaymentError(details=_common(charge)),
    _CONFIGURATION: lambda charge: errors.StripeNotConfigured(details=_common(charge)),
    "expired": lambda charge: errors.PaymentError(charge.error_message, details=_common(charge)),
    "invalid_payment_method": lambda charge: errors.InvalidPaymentMethod(details=_common(charge)),
    "amount_not_chargeable": lambda charge: errors.AmountNotChargeable(
        charge.error_message, details=_common(charge)
    ),
}


def refunded(refund: Refund) -> bool:
    """Say whether Stripe has taken the refund; False while it is pending.

    Raises RefundFailed (400) with Stripe's reason, StripeNotConfigured (500) for a bad key.
    """
    if refund.status not in {FAILED, ABANDONED}:
        return refund.status != PENDING
    if refund.error_code == _CONFIGURATION:
        raise errors.StripeNotConfigured
    raise errors.RefundFailed(refund.error_message, details={"refundId": refund.id})
