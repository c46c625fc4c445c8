"""Brings a subscription's row to a state that Stripe told of."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from payments.kit import clock
from payments.projects.models import Subscription
from payments.projects.models.ledger import FINAL, GONE_AT_STRIPE, INCOMPLETE
from payments.projects.models.projects import new_uuid
from payments.projects.sync.book import Book
from payments.projects.sync.changes import facts_of, note_changes, note_subscription
from payments.projects.sync.items import Item, find_by_price, guess_plan
from payments.projects.sync.shapes import SubscriptionState

CANCELED = "canceled"


def is_over(row: Subscription | None) -> bool:
    """Return whether nothing can bring the subscription back: Stripe has said that it ended."""
    return row is not None and row.status in FINAL and row.ended_reason is None


def choose_plan(state: SubscriptionState, row: Subscription | None) -> SubscriptionState:
    """Return the state with the plan that the row knows, if Stripe alone does not tell it.

    That is the item of the row's price, else the oldest with a quantity that was no add-on before.
    """
    if row is None or not state.is_guessed:
        return state
    plan = find_by_price(state.items, row.price_id)
    if plan is None:
        extra = {each["price_id"] for each in row.add_ons}
        plan = guess_plan(tuple(i for i in state.items if i.price not in extra) or state.items)
    return replace(state, plan=plan, is_guessed=False)


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


def end_vanished(book: Book, stripe_id: str, *, actor: str) -> Subscription | None:
    """End the row of a subscription that is gone at Stripe; None where no row has to end."""
    row = book.subscription(stripe_id)
    if row is None or row.status in FINAL:
        return None
    row.status, row.ended_reason = CANCELED, GONE_AT_STRIPE
    row.cancel_at, row.cancelled_at = None, row.cancelled_at or clock.now()
    note_subscription(GONE_AT_STRIPE, row, actor)
    book.add_subscription(row)
    book.note_holder(row.user_id, actor)
    return row


def _standing(row: Subscription | None) -> tuple[int | None, bool, bool]:
    """Return who holds it, and whether and how it runs: what decides if somebody has two."""
    if row is None:
        return None, False, False
    return row.user_id, row.status not in FINAL, row.status == INCOMPLETE


def columns(state: SubscriptionState, plan_name: str | None) -> dict[str, Any]:
    """Say what the row's columns are in this state, the status apart."""
    return {
        "customer_id": state.customer,
        "price_id": state.price,
        "plan_name": plan_name[:255] if plan_name else None,
        "quantity": state.plan.shown_quantity,
        "add_ons": [_describe_add_on(item) for item in state.add_ons],
        "second_allowed": state.second_allowed,
        "had_trial": state.had_trial,
        "ended_reason": None,
        "current_period_start": _moment(state.period_start),
        "current_period_end": _moment(state.period_end),
        "cancel_at": _moment(state.cancel_at),
        "cancelled_at": _moment(state.canceled_at),
    }


def _describe_add_on(item: Item) -> dict[str, Any]:
    name = item.name[:255] if item.name else None
    return {"price_id": item.price, "plan_name": name, "quantity": item.shown_quantity}


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
