"""Invoices are born numbered and pending; what becomes of them is decided here alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from payments.extensions import settings
from payments.invoices.models import FAILED, PAID, PENDING, REFUNDED, Invoice
from payments.invoices.numbering import next_number
from payments.kit import clock
from payments.kit.db import db


@dataclass(frozen=True)
class PlanChange:
    """What an invoice is about; names are kept as they are at this moment."""

    type: str
    plan_id: int
    plan_name: str
    plan_slug: str
    plan_period: str
    previous_plan_id: int
    previous_plan_name: str
    previous_plan_slug: str
    description: str


@dataclass(frozen=True)
class PaidBy:
    """The card that an invoice is charged to."""

    payment_method_id: int | None
    brand: str | None
    last4: str | None


NO_CARD = PaidBy(None, None, None)


def issue(
    workspace_id: int,
    change: PlanChange,
    *,
    amount_minor: int,
    currency: str,
    card: PaidBy = NO_CARD,
) -> Invoice:
    """Add a pending invoice. Call it last: its number's counter stays locked until the commit."""
    moment, number = _numbered()
    invoice = Invoice(
        workspace_id=workspace_id,
        invoice_number=number,
        status=PENDING,
        amount_minor=amount_minor,
        refunded_minor=0,
        currency=currency,
        payment_method_id=card.payment_method_id,
        card_brand=card.brand,
        card_last4=card.last4,
        created_at=moment,
        updated_at=moment,
        **vars(change),
    )
    db.session.add(invoice)
    db.session.flush()
    return invoice


def _numbered() -> tuple[datetime, str]:
    """Take a number of the present day, and the one moment that both day and row go by.

    A day that is closed already gives none: this transaction slept past the day's end, or the
    zone was moved west. Then the number comes from a later day; a proof never changes.
    """
    zone = settings().invoice_timezone
    moment = clock.now()
    day = clock.day_of(moment, zone)
    while (number := next_number(day)) is None:
        moment = clock.now()
        day = max(clock.day_of(moment, zone), day + timedelta(days=1))
    return moment, number


def mark_paid(invoice: Invoice, *, at: datetime, payment_intent: str | None = None) -> None:
    """The money is there (or none was owed)."""
    invoice.status, invoice.paid_at = PAID, at
    invoice.stripe_payment_intent_id = payment_intent or invoice.stripe_payment_intent_id


def mark_failed(invoice: Invoice, *, payment_intent: str | None = None) -> None:
    """The attempt is over and nothing was charged; the number stays taken."""
    invoice.status, invoice.paid_at = FAILED, None
    invoice.stripe_payment_intent_id = payment_intent or invoice.stripe_payment_intent_id


def set_refunded(invoice: Invoice, refunded_minor: int) -> None:
    """Take over the sum of all refunds that Stripe holds; a failed refund lowers it again."""
    invoice.refunded_minor = refunded_minor
    whole = refunded_minor == invoice.amount_minor
    invoice.status = REFUNDED if whole else PAID
