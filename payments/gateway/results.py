"""What Stripe answered, in our own frozen shapes: no SDK object leaves this folder."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import stripe

from payments.kit.storable import storable


@dataclass(frozen=True)
class Setup:
    """A SetupIntent. The client secret stays out of the repr."""

    id: str
    status: str
    client_secret: str | None = field(repr=False)
    customer: str | None
    payment_method: str | None
    metadata: dict[str, str]


@dataclass(frozen=True)
class Card:
    """A PaymentMethod, with what of its card may be shown."""

    id: str
    type: str
    customer: str | None
    brand: str | None
    last4: str | None
    exp_month: int | None
    exp_year: int | None
    billing_name: str | None
    billing_postal_code: str | None


@dataclass(frozen=True)
class Payment:
    """A PaymentIntent; `amount` and `amount_received` in minor units."""

    id: str
    status: str
    amount: int
    currency: str
    client_secret: str | None = field(repr=False)
    payment_method: str | None
    metadata: dict[str, str]
    error_code: str | None
    decline_code: str | None
    error_message: str | None
    created: int = 0
    customer: str | None = None
    amount_received: int = 0


@dataclass(frozen=True)
class RefundResult:
    """A Refund; `amount` in minor units; `status` pending, requires_action, succeeded, failed
    or canceled."""

    id: str
    status: str
    amount: int
    currency: str
    reason: str | None
    failure_reason: str | None
    created: int
    metadata: dict[str, str]
    payment_intent: str | None = None


@dataclass(frozen=True)
class Dispute:
    """A Dispute; `amount` in minor units, `created` and `due_by` in seconds since 1970.

    `due_by` is None when the bank takes no answer. `is_withdrawn` tells whether the account's
    balance lacks money because of it. https://docs.stripe.com/api/disputes/object
    """

    id: str
    status: str
    reason: str
    amount: int
    currency: str
    payment_intent: str | None
    created: int
    due_by: int | None
    is_charge_refundable: bool
    is_withdrawn: bool


def setup(intent: stripe.SetupIntent) -> Setup:
    return Setup(
        id=intent.id,
        status=intent.status,
        client_secret=intent.client_secret,
        customer=_id(intent.customer),
        payment_method=_id(intent.payment_method),
        metadata=_metadata(intent),
    )


@storable(
    counts=("exp_month", "exp_year"),
    cut={"type": 30, "brand": 30, "last4": 4, "billing_name": 255, "billing_postal_code": 20},
)
def card(method: stripe.PaymentMethod) -> Card:
    details, billing = getattr(method, "card", None), method.billing_details
    return Card(
        id=method.id,
        type=method.type,
        customer=_id(method.customer),
        brand=getattr(details, "brand", None),
        last4=getattr(details, "last4", None),
        exp_month=getattr(details, "exp_month", None),
        exp_year=getattr(details, "exp_year", None),
        billing_name=billing.name,
        billing_postal_code=billing.address.postal_code if billing.address else None,
    )


# The texts of an error that the columns hold in part.
_ERROR = {"error_code": 100, "decline_code": 100, "error_message": 500}


@storable(amounts=("amount", "amount_received"), moments=("created",), cut=_ERROR)
def payment(intent: stripe.PaymentIntent) -> Payment:
    error = intent.last_payment_error
    return Payment(
        id=intent.id,
        status=intent.status,
        amount=intent.amount,
        currency=intent.currency,
        client_secret=intent.client_secret,
        payment_method=_id(intent.payment_method),
        metadata=_metadata(intent),
        error_code=getattr(error, "code", None),
        decline_code=getattr(error, "decline_code", None),
        error_message=getattr(error, "message", None),
        created=intent.created,
        customer=_id(intent.customer),
        amount_received=intent.amount_received,
    )


@storable(amounts=("amount",), moments=("created",), cut={"reason": 500, "failure_reason": 100})
def refund(made: stripe.Refund) -> RefundResult:
    return RefundResult(
        id=made.id,
        status=made.status or "pending",
        amount=made.amount,
        currency=made.currency,
        reason=made.reason,
        failure_reason=getattr(made, "failure_reason", None),
        created=made.created,
        metadata=_metadata(made),
        payment_intent=_id(made.payment_intent),
    )


def _id(value: Any) -> str | None:
    """Return the id of a reference, whether it is expanded or not."""
    return value if value is None or isinstance(value, str) else str(value.id)


def _metadata(owner: Any) -> dict[str, str]:
    held = owner.metadata
    return {} if held is None else dict(held.to_dict())


@storable(amounts=("amount", "amount_received"), moments=("created",), cut=_ERROR)
def payment_of_event(intent: dict[str, Any]) -> Payment:
    """Read a PaymentIntent as it stands in an event's JSON."""
    error = intent.get("last_payment_error") or {}
    return Payment(
        id=intent["id"],
        status=intent["status"],
        amount=intent["amount"],
        currency=intent["currency"],
        client_secret=intent.get("client_secret"),
        payment_method=_reference(intent.get("payment_method")),
        metadata=dict(intent.get("metadata") or {}),
        error_code=error.get("code"),
        decline_code=error.get("decline_code"),
        error_message=error.get("message"),
        created=intent.get("created") or 0,
        customer=_reference(intent.get("customer")),
        amount_received=intent.get("amount_received") or 0,
    )


@storable(amounts=("amount",), moments=("created",), cut={"reason": 500, "failure_reason": 100})
def refund_of_list(made: dict[str, Any]) -> RefundResult:
    """Read a Refund as it stands in the JSON of a list."""
    return RefundResult(
        id=made["id"],
        status=made["status"] or "pending",
        amount=made["amount"],
        currency=made["currency"],
        reason=made.get("reason"),
        failure_reason=made.get("failure_reason"),
        created=made["created"],
        metadata=dict(made.get("metadata") or {}),
        payment_intent=_reference(made.get("payment_intent")),
    )


@storable(amounts=("amount",), moments=("created", "due_by"), cut={"status": 40, "reason": 60})
def read_dispute(made: dict[str, Any]) -> Dispute:
    """Read a Dispute as it stands in the JSON of an answer or of a list."""
    return Dispute(
        id=made["id"],
        status=made["status"],
        reason=made["reason"],
        amount=made["amount"],
        currency=made["currency"],
        payment_intent=_reference(made.get("payment_intent")),
        created=made["created"],
        # Stripe writes 0 where no answer is possible.
        due_by=(made.get("evidence_details") or {}).get("due_by") or None,
        is_charge_refundable=bool(made.get("is_charge_refundable")),
        is_withdrawn=_is_withdrawn(made.get("balance_transactions") or []),
    )


def _is_withdrawn(moved: list[dict[str, Any]]) -> bool:
    """Return whether the last movement took money: what comes back may be converted otherwise."""
    latest = sorted(moved, key=lambda each: each.get("created") or 0)[-1:]
    return any(each["amount"] < 0 for each in latest)


def setup_of_event(intent: dict[str, Any]) -> Setup:
    """Read a SetupIntent as it stands in an event's JSON."""
    return Setup(
        id=intent["id"],
        status=intent["status"],
        client_secret=intent.get("client_secret"),
        customer=_reference(intent.get("customer")),
        payment_method=_reference(intent.get("payment_method")),
        metadata=dict(intent.get("metadata") or {}),
    )


def _reference(value: Any) -> str | None:
    return str(value["id"]) if isinstance(value, dict) else value
