"""Ends the rows of subscriptions that their accounts do not know any more."""

from __future__ import annotations

from payments.kit.transactions import transaction
from payments.projects.sync import subscriptions
from payments.projects.sync.account import Account
from payments.projects.sync.book import Book


def end_vanished(account: Account, stripe_id: str, *, actor: str) -> bool:
    """End the row of a subscription; return whether there was one that was not over.

    Only for whom Stripe answered `resource_missing` about that very subscription, with a key that
    works: a deleted test clock, deleted test data, keys of another account. Should it turn up
    again, what Stripe says then counts.
    """
    with transaction():
        book = Book(account)
        row = subscriptions.end_vanished(book, stripe_id, actor=actor)
        book.close()
        return row is not None
