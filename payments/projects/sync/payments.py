"""Brings a payment's row to a state that Stripe told of: one row a PaymentIntent."""

from __future__ import annotations

from typing import Any

from payments.kit import clock
from payments.projects.models import Payment
from payments.projects.models.projects import new_uuid
from payments.projects.sync.book import Book
from payments.projects.sync.shapes import InvoiceState, PaymentState
from payments.timeline.append import append

OPEN = ("pending", "failed")


def write(
    book: Book, state: PaymentState, *, invoice: InvoiceState | None, at: int, actor: str
) -> Payment:
    """Take the present state of a PaymentIntent over."""
    row = book.payment(state.id) or _new(book, state.id)
    given_back = row.refunded_amount_cents
    for name, value in columns(state).items():
        setattr(row, name, value)
    row.customer_id = state.customer or (invoice.customer if invoice else row.customer_id)
    if invoice is not None or row.invoice_id is None:  # a charge does not tell its invoice
        row.created_at = clock.from_timestamp(invoice.created if invoice else state.created)
        row.description = _short(invoice.description if invoice else state.description)
    if invoice is not None:
        _tie(book, row, invoice)
    moved = row.refunded_amount_cents != given_back
    _note(row, status_of(state), actor, moved=moved)
    return _kept(book, row, at, book.people.named(state.user))


def columns(state: PaymentState) -> dict[str, Any]:
    """Say what the row's columns of money are in this state, the status apart."""
    return {
        "amount_cents": state.amount,
        "currency": state.currency,
        "refunded_amount_cents": min(state.refunded, state.amount),
        "disputed": state.disputed,
    }


def settle(book: Book, intent: str, invoice: InvoiceState, *, at: int, actor: str) -> Payment:
    """Record that this PaymentIntent paid an invoice, or its own part of it.

    What is known of it already is newer than its success: a refund, a dispute. So only a payment
    that was still open, or unknown, becomes a successful one.
    """
    row = book.payment(intent) or _new(book, intent)
    _tie(book, row, invoice)
    if row.state_at == 0 or row.status in OPEN:
        row.created_at = clock.from_timestamp(invoice.created)
        row.customer_id = invoice.customer
        row.amount_cents, row.currency = invoice.settled[intent], invoice.currency
        row.description = _short(invoice.description)
        _note(row, "succeeded", actor)
    return _kept(book, row, at, None)


def status_of(state: PaymentState) -> str:
    """Name the status that lists show: what became of the money in the end."""
    if state.status != "succeeded":
        return state.status
    if state.disputed:
        return "disputed"
    if state.refunded <= 0:
        return "succeeded"
    return "refunded" if state.refunded >= state.amount else "partially_refunded"


def _new(book: Book, intent: str) -> Payment:
    row = Payment(
        id=new_uuid(), payment_intent_id=intent, state_at=0, refunded_amount_cents=0, **book.scope
    )
    row.disputed = False
    return row


def _tie(book: Book, row: Payment, invoice: InvoiceState) -> None:
    row.invoice_id = invoice.id
    held = book.subscription(invoice.subscription) if invoice.subscription else None
    row.subscription_row_id = held.id if held else None
    row.user_id = row.user_id or (held.user_id if held else None)


def _kept(book: Book, row: Payment, at: int, named: int | None) -> Payment:
    row.user_id = named or row.user_id or book.people.of_customer(row.customer_id)
    row.state_at = max(row.state_at, at)
    book.add_payment(row)
    book.people.link(row.customer_id, row.user_id)
    return row


def _note(row: Payment, status: str, actor: str, *, moved: bool = False) -> None:
    """Change the status, and write down that it changed, or that more or less was given back."""
    if row.status == status and not moved:
        return
    row.status = status
    append(
        f"payment.{status}",
        actor=actor,
        subject=f"payment:{row.id}",
        project_id=row.project_id,
        stripe_id=row.payment_intent_id,
        mode="test" if row.is_test_mode else "live",
        amount_cents=row.amount_cents,
        currency=row.currency,
        refunded_amount_cents=row.refunded_amount_cents,
    )


def _short(text: str | None) -> str | None:
    return text[:500] if text else None
