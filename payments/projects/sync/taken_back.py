"""What was taken back of a payment: refunds that hold, and disputes that hold the money."""

from __future__ import annotations

from payments.gateway.billing_results import Plain

# Nothing is taken by an inquiry, or by a dispute that was won or prevented; whatever else a
# dispute is, the bank holds the money: https://docs.stripe.com/disputes/how-disputes-work
_TAKES_NO_MONEY = {
    "warning_needs_response",
    "warning_under_review",
    "warning_closed",
    "won",
    "prevented",
}
_REFUND_VOID = {"failed", "canceled"}


def sum_refunds(refunds: list[Plain]) -> int:
    """Return what the refunds of one payment give back, in minor units of its currency."""
    return sum(made["amount"] for made in refunds if made["status"] not in _REFUND_VOID)


def is_disputed(disputes: list[Plain]) -> bool:
    """Return whether one of the disputes holds the payment's money."""
    return any(held["status"] not in _TAKES_NO_MONEY for held in disputes)
