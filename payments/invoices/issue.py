"""Invoices are born numbered and pending; what becomes of them is decided here alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

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
    moment = clock.now()
    invoice = Invoice(
        workspace_id=workspace_id,
        invoice_number=next_number(clock.today(settings().invoice_timezone)),
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
