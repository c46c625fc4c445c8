"""Reads Stripe's objects as plain JSON, in the shapes from before and after *basil* alike.

https://docs.stripe.com/changelog/basil lists what moved: a subscription's period to its items, an
invoice's subscription below `parent`, its PaymentIntents into a list of payments.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from payments.projects import metadata
from payments.projects.sync.invoice_payments import read_invoice_payments

Plain = dict[str, Any]

_REASONS = {
    "subscription_create": "Subscription creation",
    "subscription_cycle": "Subscription renewal",
    "subscription_update": "Subscription update",
    "subscription_threshold": "Subscription usage",
}
_WAITING = {"processing", "requires_action", "requires_confirmation", "requires_capture"}
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


@dataclass(frozen=True)
class SubscriptionState:
    """A subscription; `user`, `second_allowed`: what our own Checkout wrote into its metadata."""

    id: str
    customer: str | None
    status: str
    price: str | None
    nickname: str | None
    product: str | None
    quantity: int
    period_start: int | None
    period_end: int | None
    cancel_at: int | None
    canceled_at: int | None
    created: int
    user: str | None
    second_allowed: bool


@dataclass(frozen=True)
class InvoiceState:
    """An invoice; `payments` are its PaymentIntents, None when the payload does not tell them.

    `settled` are those of them that took money, each with its own amount in minor units;
    `unmeasured` took money, too, but how much only they themselves tell. A charge without a
    PaymentIntent is one of them, by its own id. What was paid outside Stripe is none.
    """

    id: str
    customer: str | None
    subscription: str | None
    status: str | None
    amount_paid: int
    currency: str
    description: str | None
    created: int
    payments: tuple[str, ...] | None
    settled: Mapping[str, int]
    unmeasured: tuple[str, ...]


@dataclass(frozen=True)
class PaymentState:
    """A PaymentIntent with what came of its charge: refunds that hold, a dispute that took it.

    Also a charge that has none: https://docs.stripe.com/api/charges/object
    """

    id: str
    customer: str | None
    invoice: str | None
    status: str
    amount: int
    currency: str
    description: str | None
    created: int
    refunded: int
    disputed: bool
    user: str | None


@dataclass(frozen=True)
class SessionState:
    """A Checkout session: what it made, and for whom."""

    id: str
    mode: str
    status: str | None
    customer: str | None
    subscription: str | None
    invoice: str | None
    payment: str | None
    user: str | None


def subscription(found: Plain) -> SubscriptionState:
    """Read a subscription; of several items the first names the plan."""
    item = _first(found.get("items"))
    price = item.get("price") or item.get("plan") or found.get("plan") or {}
    return SubscriptionState(
        id=found["id"],
        customer=reference(found.get("customer")),
        status=found["status"],
        price=reference(price or None),
        nickname=price.get("nickname"),
        product=reference(price.get("product")),
        quantity=item.get("quantity") or found.get("quantity") or 1,
        period_start=found.get("current_period_start") or item.get("current_period_start"),
        period_end=found.get("current_period_end") or item.get("current_period_end"),
        cancel_at=_scheduled_end(found, item),
        canceled_at=found.get("canceled_at"),
        created=found["created"],
        user=_user(found),
        second_allowed=bool((found.get("metadata") or {}).get(metadata.SECOND)),
    )


def invoice(found: Plain) -> InvoiceState:
    """Read an invoice of either generation."""
    reason = found.get("billing_reason") or ""
    payments = read_invoice_payments(found)
    took = {made.id: made.amount for made in payments or () if made.is_paid}
    return InvoiceState(
        id=found["id"],
        customer=reference(found.get("customer")),
        subscription=_invoice_subscription(found),
        status=found.get("status"),
        amount_paid=found.get("amount_paid") or 0,
        currency=found["currency"],
        description=_text(found.get("description")) or _REASONS.get(reason),
        created=found["created"],
        payments=None if payments is None else tuple(made.id for made in payments),
        settled={
            made: amount for made, amount in took.items() if amount is not None and amount > 0
        },
        unmeasured=tuple(made for made, amount in took.items() if amount is None),
    )


def payment(found: Plain, refunds: list[Plain], disputes: list[Plain]) -> PaymentState:
    """Put a PaymentIntent, its refunds and its disputes together."""
    paid = found["status"] == "succeeded"
    return PaymentState(
        id=found["id"],
        customer=reference(found.get("customer")),
        invoice=reference(found.get("invoice")),
        status=_outcome(found),
        amount=found.get("amount_received") or found["amount"] if paid else found["amount"],
        currency=found["currency"],
        description=_text(found.get("description")),
        created=found["created"],
        refunded=_sum_refunds(refunds),
        disputed=_is_taken(disputes),
        user=_user(found),
    )


def charge(found: Plain, refunds: list[Plain], disputes: list[Plain]) -> PaymentState:
    """Read a charge that has no PaymentIntent as the payment that it is."""
    return PaymentState(
        id=found["id"],
        customer=reference(found.get("customer")),
        invoice=reference(found.get("invoice")),
        status=found["status"],
        amount=found.get("amount_captured") or found["amount"],
        currency=found["currency"],
        description=_text(found.get("description")),
        created=found["created"],
        refunded=_sum_refunds(refunds),
        disputed=_is_taken(disputes),
        user=_user(found),
    )


def is_charge(payment_id: str) -> bool:
    """Return whether the id of a payment is a charge's, not a PaymentIntent's."""
    return payment_id.startswith(("ch_", "py_"))


def session(found: Plain) -> SessionState:
    """Read a Checkout session."""
    return SessionState(
        id=found["id"],
        mode=found["mode"],
        status=found.get("status"),
        customer=reference(found.get("customer")),
        subscription=reference(found.get("subscription")),
        invoice=reference(found.get("invoice")),
        payment=reference(found.get("payment_intent")),
        user=_text(found.get("client_reference_id")) or _user(found),
    )


def reference(value: Any) -> str | None:
    """Return the id of a reference, whether it is expanded or not."""
    return str(value["id"]) if isinstance(value, dict) else value


def _first(listed: Any) -> Plain:
    found: list[Plain] = (listed or {}).get("data") or [{}]
    return found[0]


def _scheduled_end(found: Plain, item: Plain) -> int | None:
    end: int | None = found.get("cancel_at")
    if end is None and found.get("cancel_at_period_end"):
        end = found.get("current_period_end") or item.get("current_period_end")
    return end


def _invoice_subscription(found: Plain) -> str | None:
    parent = (found.get("parent") or {}).get("subscription_details") or {}
    return reference(found.get("subscription") or parent.get("subscription"))


def _sum_refunds(refunds: list[Plain]) -> int:
    """Add up the refunds of one payment, which all are in its currency."""
    return sum(made["amount"] for made in refunds if made["status"] not in _REFUND_VOID)


def _is_taken(disputes: list[Plain]) -> bool:
    return any(held["status"] not in _TAKES_NO_MONEY for held in disputes)


def _outcome(intent: Plain) -> str:
    status: str = intent["status"]
    if status in {"succeeded", "canceled"}:
        return status
    if status in _WAITING or not intent.get("last_payment_error"):
        return "pending"
    return "failed"


def _user(found: Plain) -> str | None:
    return _text((found.get("metadata") or {}).get(metadata.USER))


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
