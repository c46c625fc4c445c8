"""Which object an event is about, and which types of event mean anything to the ledger."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from payments.gateway.billing_results import Plain, reference
from payments.kit.storable import check_name
from payments.projects.sync import shapes
from payments.projects.sync.shapes import SessionState

SUBSCRIPTION, INVOICE, PAID, PAYMENT, CHARGE, SESSION = (
    "subscription", "invoice", "paid invoice", "payment", "charge", "session",
)  # fmt: skip


@dataclass(frozen=True)
class Topic:
    """An object at Stripe: events of one topic are answered by one look at it."""

    kind: str
    id: str
    session: SessionState | None = field(default=None, compare=False)


def topic_of(event: Plain) -> Topic | None:
    """Return what an event is about; None for types that mean no work.

    Unstorable for an object whose id is none: nothing can be asked or kept of it.
    """
    find = _FINDERS.get(event["type"])
    return None if find is None else find(event["data"]["object"])


def _subscription(found: Plain) -> Topic:
    return Topic(SUBSCRIPTION, _read_id(found))


def _invoice(found: Plain) -> Topic:
    return Topic(INVOICE, _read_id(found))


def _paid_invoice(found: Plain) -> Topic:
    return Topic(PAID, _read_id(found))


def _invoice_payment(found: Plain) -> Topic | None:
    held = reference(found.get("invoice"))
    return Topic(PAID, held) if held else None


def _intent(found: Plain) -> Topic:
    return Topic(PAYMENT, _read_id(found))


def _money_back(found: Plain) -> Topic | None:
    """A charge, a refund or a dispute: all name the PaymentIntent, or at least the charge."""
    intent = reference(found.get("payment_intent"))
    if intent:
        return Topic(PAYMENT, intent)
    charge = _read_id(found) if found.get("object") == "charge" else found.get("charge")
    held = reference(charge)
    return Topic(CHARGE, held) if held else None


def _session(found: Plain) -> Topic:
    return Topic(SESSION, _read_id(found), shapes.session(found))


def _read_id(found: Plain) -> str:
    return check_name(found.get("id"), "id")


_FINDERS: dict[str, Callable[[Plain], Topic | None]] = {
    "customer.subscription.created": _subscription,
    "customer.subscription.updated": _subscription,
    "customer.subscription.deleted": _subscription,
    "customer.subscription.paused": _subscription,
    "customer.subscription.resumed": _subscription,
    "customer.subscription.trial_will_end": _subscription,
    "invoice.paid": _paid_invoice,
    "invoice.payment_succeeded": _paid_invoice,
    "invoice_payment.paid": _invoice_payment,
    "invoice.payment_failed": _invoice,
    "invoice.payment_action_required": _invoice,
    "invoice.voided": _invoice,
    "invoice.marked_uncollectible": _invoice,
    "payment_intent.canceled": _intent,
    "charge.refunded": _money_back,
    "charge.refund.updated": _money_back,
    "refund.created": _money_back,
    "refund.updated": _money_back,
    "refund.failed": _money_back,
    "charge.dispute.created": _money_back,
    "charge.dispute.updated": _money_back,
    "charge.dispute.closed": _money_back,
    "charge.dispute.funds_withdrawn": _money_back,
    "charge.dispute.funds_reinstated": _money_back,
    "checkout.session.completed": _session,
    "checkout.session.async_payment_succeeded": _session,
    "checkout.session.async_payment_failed": _session,
    "checkout.session.expired": _session,
}

# What a webhook endpoint at Stripe has to be registered for.
TYPES = tuple(sorted(_FINDERS))
