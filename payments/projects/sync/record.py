"""Writes what a look at Stripe has shown into the rows, and who they belong to."""

from __future__ import annotations

from payments.projects.models import Payment, Subscription
from payments.projects.sync import payments, subscriptions
from payments.projects.sync.account import Account
from payments.projects.sync.book import Book
from payments.projects.sync.claims import Names, is_claimed_elsewhere
from payments.projects.sync.look import Present
from payments.projects.sync.topics import PAID, SESSION, Topic


class Overtaken(RuntimeError):
    """A row was written after our fetch began: what it saw may be the older state."""


class Foreign(RuntimeError):
    """What was fetched bears the mark of another project at the same Stripe account."""


def record(book: Book, topic: Topic, present: Present, *, at: int, since: int, actor: str) -> None:
    """Take over what was fetched after the ledger had the version `since`.

    `at` is Stripe's second of it. Raise Overtaken when a row was written meanwhile, and Foreign
    when the object is another project's.
    """
    if is_foreign(book.account, present):
        raise Foreign
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


def is_foreign(account: Account, present: Present) -> bool:
    """Return whether what was fetched is another project's: by its mark, or by who knows it."""
    states = [
        s for s in (present.subscription, present.invoice, *present.payments) if s is not None
    ]
    found = {state.project for state in states if state.project is not None}
    if found:
        return account.project_id not in found
    names = Names(
        customer=next((state.customer for state in states if state.customer), None),
        subscription=_find_subscription(present),
        payments=[state.id for state in present.payments],
    )
    return is_claimed_elsewhere(account, names)


def _find_subscription(present: Present) -> str | None:
    if present.subscription is not None:
        return present.subscription.id
    return present.invoice.subscription if present.invoice else None


def _refuse_overtaken(book: Book, present: Present, since: int) -> None:
    seen = [state.id for state in present.payments]
    if present.invoice is not None:
        seen += present.invoice.settled
    rows: list[Payment | Subscription | None] = [book.payment(intent) for intent in seen]
    if present.subscription is not None:
        rows.append(book.subscription(present.subscription.id))
    if any(row.version > since for row in rows if row is not None):
        raise Overtaken
