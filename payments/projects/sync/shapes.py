"""Reads Stripe's objects as plain JSON, in the shapes from before and after *basil* alike.

https://docs.stripe.com/changelog/basil lists what moved: a subscription's period to its items, an
invoice's subscription below `parent`, its PaymentIntents into a list of payments.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from payments.gateway.billing_results import Plain, reference
from payments.kit.storable import storable
from payments.projects import metadata
from payments.projects.sync.invoice_payments import read_invoice_payments, sum_payments
from payments.projects.sync.items import (
    Item,
    Namer,
    find_by_price,
    guess_plan,
    read_items,
)
from payments.projects.sync.marks import find_project
from payments.projects.sync.taken_back import is_disputed, sum_refunds

TRIALING = "trialing"

_REASONS = {
    "subscription_create": "Subscription creation",
    "subscription_cycle": "Subscription renewal",
    "subscription_update": "Subscription update",
    "subscription_threshold": "Subscription usage",
}
_WAITING = {"processing", "requires_action", "requires_confirmation", "requires_capture"}
# The texts that may be shortened to what their columns hold; ids may not.
_CUT = {"status": 30, "description": 500, "user": metadata.LONGEST_VALUE}


@dataclass(frozen=True)
class SubscriptionState:
    """A subscription; `user`, `second_allowed`: what our own Checkout wrote into its metadata.

    `plan` is one of `items`, the others are add-ons; while it `is_guessed` the row may know better.
    With `has_more_items` the payload does not tell them all. Before *basil* the period was the
    subscription's own. Times are seconds since 1970.
    """

    id: str
    customer: str | None
    status: str
    items: tuple[Item, ...]
    plan: Item
    is_guessed: bool
    has_more_items: bool
    own_start: int | None
    own_end: int | None
    ends_at: int | None
    ends_with_period: bool
    canceled_at: int | None
    created: int
    had_trial: bool
    schedule: str | None
    user: str | None
    second_allowed: bool
    project: str | None = None

    @property
    def price(self) -> str | None:
        return self.plan.price

    @property
    def period_start(self) -> int | None:
        return self.own_start or self.plan.period_start

    @property
    def period_end(self) -> int | None:
        return self.own_end or self.plan.period_end

    @property
    def cancel_at(self) -> int | None:
        """Return when it will end: what Stripe says, else the end of its plan's period."""
        return self.ends_at or (self.period_end if self.ends_with_period else None)

    @property
    def add_ons(self) -> tuple[Item, ...]:
        return tuple(item for item in self.items if item is not self.plan)


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
    project: str | None = None


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
    project: str | None = None


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
    project: str | None = None


@storable(moments=("own_start", "own_end", "ends_at", "canceled_at", "created"), cut=_CUT)
def subscription(found: Plain) -> SubscriptionState:
    """Read a subscription; its plan is the item whose price our Checkout sold."""
    items = read_items(found)
    sold = find_by_price(items, (found.get("metadata") or {}).get(metadata.PLAN))
    plan = sold or guess_plan(items)
    return SubscriptionState(
        id=found["id"],
        customer=reference(found.get("customer")),
        status=found["status"],
        items=items,
        plan=plan,
        is_guessed=sold is None and len(items) > 1,
        has_more_items=bool((found.get("items") or {}).get("has_more")),
        own_start=found.get("current_period_start"),
        own_end=found.get("current_period_end"),
        ends_at=found.get("cancel_at"),
        ends_with_period=bool(found.get("cancel_at_period_end")),
        canceled_at=found.get("canceled_at"),
        created=found["created"],
        had_trial=_had_trial(found, items),
        schedule=reference(found.get("schedule")),
        user=_user(found),
        second_allowed=bool((found.get("metadata") or {}).get(metadata.SECOND)),
        project=find_project(found),
    )


def name_items(state: SubscriptionState, find_name: Namer) -> SubscriptionState:
    """Return the state with the names of its plan and add-ons."""
    items = tuple(replace(item, name=find_name(item)) for item in state.items)
    return replace(state, items=items, plan=items[state.items.index(state.plan)])


@storable(amounts=("amount_paid",), moments=("created",), cut=_CUT)
def invoice(found: Plain) -> InvoiceState:
    """Read an invoice of either generation."""
    reason = found.get("billing_reason") or ""
    payments = read_invoice_payments(found)
    took = [made for made in payments or () if made.is_paid]
    return InvoiceState(
        id=found["id"],
        customer=reference(found.get("customer")),
        subscription=invoice_subscription(found),
        status=found.get("status"),
        amount_paid=found.get("amount_paid") or 0,
        currency=found["currency"],
        description=_text(found.get("description")) or _REASONS.get(reason),
        created=found["created"],
        payments=None if payments is None else tuple(made.id for made in payments),
        settled=sum_payments(took),
        unmeasured=tuple({made.id: None for made in took if made.amount is None}),
        project=find_project(found),
    )


@storable(amounts=("amount", "refunded"), moments=("created",), cut=_CUT)
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
        refunded=sum_refunds(refunds),
        disputed=is_disputed(disputes),
        user=_user(found),
        project=find_project(found),
    )


@storable(amounts=("amount", "refunded"), moments=("created",), cut=_CUT)
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
        refunded=sum_refunds(refunds),
        disputed=is_disputed(disputes),
        user=_user(found),
        project=find_project(found),
    )


def is_charge(payment_id: str) -> bool:
    """Return whether the id of a payment is a charge's, not a PaymentIntent's."""
    return payment_id.startswith(("ch_", "py_"))


@storable(cut=_CUT)
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
        project=find_project(found),
    )


def _had_trial(found: Plain, items: tuple[Item, ...]) -> bool:
    """Return whether there is or was a trial: its dates stay when it is over.

    https://docs.stripe.com/api/subscriptions/object#subscription_object-trial_start
    """
    dated = found.get("trial_start") or found.get("trial_end")
    return bool(dated) or found["status"] == TRIALING or any(item.is_on_trial for item in items)


def invoice_subscription(found: Plain) -> str | None:
    """Return the subscription that an invoice is of; None for one of its own."""
    parent = (found.get("parent") or {}).get("subscription_details") or {}
    return reference(found.get("subscription") or parent.get("subscription"))


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
