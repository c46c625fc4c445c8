"""The second pass over projects' events: one look at Stripe for all events about one object."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from typing import Any

from payments.gateway.billing import Billing
from payments.gateway.errors import BadCredentials, GatewayError, OutcomeUnknown
from payments.kit import clock, steps
from payments.kit.db import db
from payments.kit.transactions import transaction
from payments.projects.errors import StripeNotSetUp
from payments.projects.sync.account import Account
from payments.projects.sync.book import Book
from payments.projects.sync.look import billing_of, look
from payments.projects.sync.record import Overtaken, record
from payments.projects.sync.topics import Topic
from payments.webhooks import batches, misses
from payments.webhooks.batches import Taken

log = logging.getLogger(__name__)

Waiting = tuple[Taken, Account, dict[str, Any], Topic]

_LOOKS = 3  # at one object, when others write its row meanwhile
_STRIKES = 2  # objects without an answer, until the whole account is taken to be down


def settle(waiting: list[Waiting], deadline: float) -> None:
    """Look at each object once and finish its events; after the deadline the rest goes back."""
    down: dict[Account, Exception] = {}
    strikes: Counter[Account] = Counter()
    left: list[Taken] = []
    for (account, topic), group in _by_topic(waiting).items():
        if clock.monotonic() > deadline:
            left += group
        elif account in down:
            misses.put_back(group, down[account])
        elif (error := _one(account, topic, group)) is not None:
            strikes[account] += 1
            if _is_down(error, strikes[account]):
                down[account] = error
    if left:
        batches.put_back(left)


def _by_topic(waiting: list[Waiting]) -> dict[tuple[Account, Topic], list[Taken]]:
    found: dict[tuple[Account, Topic], list[Taken]] = defaultdict(list)
    for taken, account, _, topic in waiting:
        found[account, topic].append(taken)
    return found


def _one(account: Account, topic: Topic, group: list[Taken]) -> Exception | None:
    """Settle one object's events; return what went wrong."""
    try:
        _look_and_record(billing_of(account), account, topic, group)
    except Exception as error:
        db.session.rollback()
        if not isinstance(error, GatewayError | StripeNotSetUp | Overtaken):
            log.exception("events about a %s could not be handled", topic.kind)
        misses.put_back(group, error)
        return error
    return None


def _is_down(error: Exception, strikes: int) -> bool:
    """Say whether an error is the account's; one answer that is missing may be an object's."""
    if isinstance(error, OutcomeUnknown):
        return strikes >= _STRIKES
    return misses.is_everybodys(error) or isinstance(error, BadCredentials | StripeNotSetUp)


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
