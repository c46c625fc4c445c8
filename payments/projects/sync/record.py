"""Writes what a look at Stripe has shown into the rows, and who they belong to."""

from __future__ import annotations

from datetime import datetime

from payments.projects.models import Payment, Subscription
from payments.projects.sync import payments, subscriptions
from payments.projects.sync.book import Book
from payments.projects.sync.look import Present
from payments.projects.sync.topics import PAID, SESSION, Topic


class Overtaken(RuntimeError):
    """Somebody wrote the row after our look began: what we saw may be the older state."""


def record(
    book: Book, topic: Topic, present: Present, *, at: int, since: datetime, actor: str
) -> None:
    """Take over what `look` saw after `since`; Overtaken when a row was written meanwhile."""
    _refuse_overtaken(book, present, since)
    hint = None
    if topic.session is not None:
        hint = book.people.named(topic.session.user)
        book.people.link(topic.session.customer, hint)
    if present.subscription is not None:
        state, name = present.subscription, present.plan_name
        held = subscriptions.write(book, state, at=at, plan_name=name, actor=actor)
        if held.user_id is None:
            held.user_id = hint
            book.note_holder(hint, actor)
    if topic.kind == PAID and present.invoice is not None and not present.payments:
        for intent in present.invoice.settled:
            payments.settle(book, intent, present.invoice, at=at, actor=actor)
    _payments(book, topic, present, at=at, actor=actor, hint=hint)


def _payments(
    book: Book, topic: Topic, present: Present, *, at: int, actor: str, hint: int | None
) -> None:
    """Record payments of invoices and of Checkout pages; others are none of our business."""
    for state in present.payments:
        ours = present.invoice is not None or topic.kind == SESSION
        if ours or book.payment(state.id) is not None:
            row = payments.write(book, state, invoice=present.invoice, at=at, actor=actor)
            row.user_id = row.user_id or hint


def _refuse_overtaken(book: Book, present: Present, since: datetime) -> None:
    seen = [state.id for state in present.payments]
    if present.invoice is not None:
        seen += present.invoice.settled
    rows: list[Payment | Subscription | None] = [book.payment(intent) for intent in seen]
    if present.subscription is not None:
        rows.append(book.subscription(present.subscription.id))
    if any(row.updated_at > since for row in rows if row is not None):
        raise Overtaken
