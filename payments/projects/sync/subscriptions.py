"""Brings a subscription's row to a state that Stripe told of."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from payments.kit import clock
from payments.projects.holdings import CURRENT
from payments.projects.models import Subscription
from payments.projects.models.projects import new_uuid
from payments.projects.sync.book import Book
from payments.projects.sync.changes import facts_of, note_changes, note_subscription
from payments.projects.sync.shapes import SubscriptionState

# https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses: never left again.
FINAL = ("canceled", "incomplete_expired")


def is_over(row: Subscription | None) -> bool:
    """Tell a subscription that nothing can bring back."""
    return row is not None and row.status in FINAL


def write(
    book: Book, state: SubscriptionState, *, at: int, plan_name: str | None, actor: str
) -> Subscription:
    """Take a state over; `at` is Stripe's time of it. A final status stays what it is."""
    row = book.subscription(state.id)
    if row is not None and is_over(row) and state.status not in FINAL:
        return row
    stood, before = _standing(row), None if row is None else facts_of(row)
    if row is None:
        row = Subscription(id=new_uuid(), subscription_id=state.id, state_at=0, **book.scope)
        row.created_at = clock.from_timestamp(state.created)
    _set(row, columns(state, plan_name))
    row.user_id = book.people.named(state.user) or row.user_id
    row.user_id = row.user_id or book.people.of_customer(state.customer)
    told = _note(row, state.status, actor)
    if before is not None and not (told and is_over(row)):
        note_changes(row, before, actor, over=is_over(row))
    row.state_at = max(row.state_at, at)
    book.add_subscription(row)
    book.people.link(state.customer, row.user_id)
    if _standing(row) != stood:
        book.note_holder(row.user_id, actor)
    return row


def _standing(row: Subscription | None) -> tuple[int | None, bool]:
    """Say who holds it, if it runs: what decides whether somebody has two."""
    return (None, False) if row is None else (row.user_id, row.status in CURRENT)


def columns(state: SubscriptionState, plan_name: str | None) -> dict[str, Any]:
    """Say what the row's columns are in this state, the status apart."""
    return {
        "customer_id": state.customer,
        "price_id": state.price,
        "plan_name": plan_name[:255] if plan_name else None,
        "quantity": state.quantity,
        "second_allowed": state.second_allowed,
        "current_period_start": _moment(state.period_start),
        "current_period_end": _moment(state.period_end),
        "cancel_at": _moment(state.cancel_at),
        "cancelled_at": _moment(state.canceled_at),
    }


def _set(row: Subscription, columns: dict[str, Any]) -> None:
    for name, value in columns.items():
        setattr(row, name, value)


def _note(row: Subscription, status: str, actor: str) -> bool:
    """Change the status, and write down that it changed; False when it did not."""
    if row.status == status:
        return False
    row.status = status
    note_subscription(status, row, actor)
    return True


def _moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else clock.from_timestamp(seconds)
