"""The second pass over projects' events: one look at Stripe for all events about one object."""

from __future__ import annotations

import logging
from collections import defaultdict
from typing import Any

from payments.gateway.billing import Billing
from payments.gateway.errors import BadCredentials, GatewayError, OutcomeUnknown, Unavailable
from payments.kit import clock, steps
from payments.kit.db import db
from payments.kit.transactions import transaction
from payments.projects.errors import StripeNotSetUp
from payments.projects.sync.account import Account
from payments.projects.sync.book import Book
from payments.projects.sync.look import billing_of, look
from payments.projects.sync.record import Overtaken, record
from payments.projects.sync.topics import Topic
from payments.webhooks import batches
from payments.webhooks.batches import Taken
from payments.webhooks.inbox import fail

log = logging.getLogger(__name__)

Waiting = tuple[Taken, Account, dict[str, Any], Topic]

_LOOKS = 3  # at one object, when others write its row meanwhile


def settle(waiting: list[Waiting], deadline: float) -> None:
    """Look at each object once and finish its events; after the deadline the rest goes back."""
    down: dict[Account, Exception] = {}
    left: list[Taken] = []
    for (account, topic), group in _by_topic(waiting).items():
        if clock.monotonic() > deadline:
            left += group
        elif account in down:
            _fail(group, down[account])
        elif (error := _one(account, topic, group)) is not None:
            down[account] = error
    if left:
        batches.put_back(left)


def _by_topic(waiting: list[Waiting]) -> dict[tuple[Account, Topic], list[Taken]]:
    found: dict[tuple[Account, Topic], list[Taken]] = defaultdict(list)
    for taken, account, _, topic in waiting:
        found[account, topic].append(taken)
    return found


def _one(account: Account, topic: Topic, group: list[Taken]) -> Exception | None:
    """Settle one object's events; return the error if it is the whole account's."""
    try:
        _look_and_record(billing_of(account), account, topic, group)
    except Exception as error:
        db.session.rollback()
        if not isinstance(error, GatewayError | StripeNotSetUp | Overtaken):
            log.exception("events about a %s could not be handled", topic.kind)
        _fail(group, error)
        return error if isinstance(error, _ACCOUNTS) else None
    return None


_ACCOUNTS = (Unavailable, OutcomeUnknown, BadCredentials, StripeNotSetUp)


def _look_and_record(billing: Billing, account: Account, topic: Topic, group: list[Taken]) -> None:
    for attempt in range(_LOOKS):
        since = clock.now()
        present = look(billing, account, topic)
        steps.passed("event.looked")
        try:
            with transaction():
                held = batches.hold(group)
                if not held:
                    return
                book, newest = Book(account), held[-1]
                at, actor = newest.created, f"event:{newest.event_id}"
                record(book, topic, present, at=at, since=since, actor=actor)
                book.close()
                batches.finish(held)
                steps.passed("event.finishing")
        except Overtaken:
            if attempt == _LOOKS - 1:
                raise
        else:
            steps.passed("event.finished")
            return


def _fail(group: list[Taken], error: Exception) -> None:
    """Put the events back. A Stripe that is down is no fault of theirs: they are never given up."""
    code = error.code if isinstance(error, GatewayError) else str(error)
    for taken in group:
        patient = isinstance(error, Unavailable | OutcomeUnknown)
        fail(taken.id, taken.fence, f"{type(error).__name__}: {code}", patient=patient)
