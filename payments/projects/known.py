"""What Stripe's answer to our own call tells of a subscription, taken in like a look at Stripe."""

from __future__ import annotations

import logging
from datetime import datetime

from payments.gateway.billing_results import Plan
from payments.kit.transactions import transaction
from payments.projects.buyers import Buyer
from payments.projects.sync import shapes
from payments.projects.sync.account import Account
from payments.projects.sync.book import Book
from payments.projects.sync.look import Present
from payments.projects.sync.record import Overtaken, record
from payments.projects.sync.topics import SUBSCRIPTION, Topic

log = logging.getLogger(__name__)

# No event carried this state: the ones that follow are newer, whatever the clocks say.
_BEFORE_ALL = 0


def take_in(buyer: Buyer, plan: Plan, *, since: datetime, plan_name: str | None = None) -> None:
    """Let the row show at once what a call that began at `since` changed.

    The event that follows says the same; when it was faster, there is nothing left to do.
    """
    state = shapes.subscription(plan.plain)
    topic = Topic(SUBSCRIPTION, state.id)
    try:
        with transaction():
            book = Book(Account(buyer.project_id, buyer.is_test_mode))
            row = book.subscription(state.id)
            if row is None:
                return
            same = row.plan_name if row.price_id == state.price else plan_name
            present = Present(subscription=state, plan_name=state.nickname or same)
            record(book, topic, present, at=_BEFORE_ALL, since=since, actor=buyer.actor)
            book.close()
    except Overtaken:
        log.debug("an event told of %s first", state.id)
