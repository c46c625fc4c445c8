"""The lists at Stripe that a ledger is held against, and which row each of their objects has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from payments.gateway.billing_results import Plain, reference
from payments.gateway.object_lists import ObjectLists, Page
from payments.projects.models import Payment, Subscription
from payments.projects.sync import shapes
from payments.projects.sync.shapes import InvoiceState
from payments.projects.sync.topics import INVOICE, PAYMENT, SESSION, SUBSCRIPTION, Topic

# A page can be paid for a day after it was opened: https://docs.stripe.com/api/checkout/sessions
_SESSION_LIVES = 24 * 3600
_NEVER_TRIED = {"requires_payment_method", "requires_confirmation"}


@dataclass(frozen=True)
class Listed:
    """A subscription or a PaymentIntent of a list; `made` is its row's moment of creation."""

    topic: Topic
    id: str
    made: int
    plain: Plain
    invoice: InvoiceState | None = None


@dataclass(frozen=True)
class List:
    """A list: how a page is read, and our rows of which it should show each.

    A row is made at most `lag` seconds after the object that lists it.
    """

    kind: str
    page: Callable[[ObjectLists, str | None], Page[Plain]]
    read: Callable[[Plain], Listed | None]
    rows: tuple[sa.ColumnElement[bool], ...]
    lag: int = 0

    @property
    def model(self) -> Any:
        return Subscription if self.kind == SUBSCRIPTION else Payment

    @property
    def key(self) -> Any:
        return (
            self.model.subscription_id if self.kind == SUBSCRIPTION else Payment.payment_intent_id
        )


def _subscription(found: Plain) -> Listed:
    return Listed(Topic(SUBSCRIPTION, found["id"]), found["id"], found["created"], found)


def _invoice_payment(found: Plain) -> Listed | None:
    """Read what pays an invoice; it has no row before anybody has tried to pay.

    What was paid outside Stripe (a `payment_record`) has none at all.
    """
    held = found["payment"]
    paid_by = held.get("payment_intent") or _charge(held.get("charge"))
    if paid_by is None or _is_untried(paid_by):
        return None
    bill = shapes.invoice(found["invoice"])
    return Listed(Topic(INVOICE, bill.id), paid_by["id"], bill.created, paid_by, bill)


def _charge(named: Any) -> Plain | None:
    """Name a charge without a PaymentIntent; the list does not show more of it."""
    charge_id = reference(named)
    return None if charge_id is None else {"id": charge_id, "status": None}


def _is_untried(intent: Plain) -> bool:
    return intent["status"] in _NEVER_TRIED and not intent.get("last_payment_error")


def _session(found: Plain) -> Listed | None:
    """Read what a Checkout page sold; subscriptions, and what got an invoice, are listed there."""
    intent = found.get("payment_intent")
    if intent is None or found.get("invoice") or found.get("subscription"):
        return None
    topic = Topic(SESSION, found["id"], shapes.session(found))
    return Listed(topic, intent["id"], intent["created"], intent)


LISTS = {
    "subscriptions": List(SUBSCRIPTION, ObjectLists.subscriptions, _subscription, ()),
    "invoices": List(
        PAYMENT,
        ObjectLists.invoice_payments,
        _invoice_payment,
        (Payment.invoice_id.is_not(None),),
    ),
    "payments": List(
        PAYMENT,
        ObjectLists.completed_sessions,
        _session,
        (Payment.invoice_id.is_(None),),
        _SESSION_LIVES,
    ),
}
