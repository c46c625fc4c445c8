"""What Stripe's answer to our own call tells of a subscription, taken in like a look at Stripe."""

from __future__ import annotations

import logging

from payments.gateway.billing_results import Plain
from payments.gateway.errors import GatewayError, Rejected
from payments.kit.transactions import transaction
from payments.projects.buyers import Buyer
from payments.projects.models.ledger import FINAL
from payments.projects.sync import names, shapes, subscriptions
from payments.projects.sync.book import Book
from payments.projects.sync.fetch import Fetch, fetching
from payments.projects.sync.look import Present, find_row
from payments.projects.sync.record import Foreign, Overtaken, record
from payments.projects.sync.shapes import SubscriptionState
from payments.projects.sync.topics import SUBSCRIPTION, Topic
from payments.projects.sync.vanished import end_vanished

log = logging.getLogger(__name__)


def take_in(buyer: Buyer, found: Plain, fetch: Fetch, *, plan_name: str | None = None) -> None:
    """Let the row show at once what the last call of a fetch changed.

    `plan_name` is what the plan's product is called. The state is as new as Stripe's second of the
    answer: older events no longer undo it. When somebody wrote the row meanwhile, who may not have
    seen our change, Stripe is asked once more. The event that follows says the same.
    """
    if _record(buyer, found, fetch, plan_name):
        return
    try:
        with fetching(buyer.account) as again:
            present = buyer.billing.get_subscription(found["id"])
    except GatewayError as error:  # what was asked for is done all the same
        log.warning("%s could not be read again: %s", found["id"], type(error).__name__)
        return
    _record(buyer, present, again, plan_name)


def _record(buyer: Buyer, found: Plain, fetch: Fetch, plan_name: str | None) -> bool:
    """Write a subscription's state, if there is a row; return whether nobody was faster."""
    state = shapes.subscription(found)
    topic = Topic(SUBSCRIPTION, state.id)
    try:
        with transaction():
            book = Book(buyer.account)
            row = book.subscription(state.id)
            if row is None:
                return True
            state = subscriptions.choose_plan(state, row)
            held = {state.price: plan_name, **names.names_of(row)}
            state = shapes.name_items(state, lambda item: item.nickname or held.get(item.price))
            present = Present(subscription=state, plan_name=state.plan.name)
            record(book, topic, present, at=fetch.last, since=fetch.since, actor=buyer.actor)
            book.close()
    except Overtaken:
        log.debug("an event told of %s first", state.id)
        return False
    except Foreign:
        log.warning("%s is marked as another project's: its row stays as it was", state.id)
    return True


def find_subscription(buyer: Buyer, subscription_id: str) -> Plain | None:
    """Return a subscription as Stripe has it; None when it is gone there, which ends its row.

    Only Stripe's `resource_missing` about this very subscription says so. It holds for a deleted
    test clock, for test data that was deleted, and for keys of another account than before.
    """
    try:
        with fetching(buyer.account) as fetch:
            found = buyer.billing.get_subscription(subscription_id)
    except Rejected as error:
        if not error.is_missing:
            raise
        end_vanished(buyer.account, subscription_id, actor=buyer.actor)
        return None
    if shapes.subscription(found).status in FINAL:
        take_in(buyer, found, fetch)
    return found


def read_state(buyer: Buyer, found: Plain) -> SubscriptionState:
    """Read a subscription with the plan that its row knows."""
    row = find_row(buyer.account, found["id"])
    return subscriptions.choose_plan(shapes.subscription(found), row)
