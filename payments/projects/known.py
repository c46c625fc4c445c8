"""What Stripe's answer to our own call tells of a subscription, taken in like a look at Stripe."""

from __future__ import annotations

import logging

from payments.gateway.billing_results import Plan
from payments.kit import clock
from payments.kit.transactions import transaction
from payments.projects.buyers import Buyer
from payments.projects.sync import shapes
from payments.projects.sync.account import Account
from payments.projects.sync.book import Book, read_version
from payments.projects.sync.look import Present
from payments.projects.sync.record import Overtaken, record
from payments.projects.sync.topics import SUBSCRIPTION, Topic

log = logging.getLogger(__name__)


def read_ledger_version(buyer: Buyer) -> int:
    """Return the version of the buyer's ledger, to be kept before a call that `take_in` follows."""
    return read_version(_account_of(buyer))


def take_in(buyer: Buyer, plan: Plan, *, since: int, plan_name: str | None = None) -> None:
    """Let the row show at once what a call changed that began when the ledger was at `since`.

    The state is as new as Stripe's second of the answer: older events no longer undo it. The event
    that follows says the same; when it was faster, there is nothing left to do.
    """
    state = shapes.subscription(plan.plain)
    topic = Topic(SUBSCRIPTION, state.id)
    try:
        with transaction():
            book = Book(_account_of(buyer))
            row = book.subscription(state.id)
            if row is None:
                return
            same = row.plan_name if row.price_id == state.price else plan_name
            present = Present(subscription=state, plan_name=state.nickname or same)
            at = plan.answered_at or clock.timestamp()
            record(book, topic, present, at=at, since=since, actor=buyer.actor)
            book.close()
    except Overtaken:
        log.debug("an event told of %s first", state.id)


def _account_of(buyer: Buyer) -> Account:
    return Account(buyer.project_id, buyer.is_test_mode)
