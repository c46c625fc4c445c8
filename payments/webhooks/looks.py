"""The second pass over projects' events: one look at Stripe for all events about one object."""

from __future__ import annotations

import secrets
from collections import Counter, defaultdict
from datetime import timedelta
from typing import Any

from payments.gateway.billing import Billing
from payments.gateway.errors import BadCredentials, GatewayError, OutcomeUnknown, Rejected
from payments.kit import clock, steps
from payments.kit.db import db
from payments.kit.storable import Unstorable
from payments.kit.transactions import transaction
from payments.projects.errors import StripeNotSetUp
from payments.projects.sync import payload, subscriptions
from payments.projects.sync.account import Account
from payments.projects.sync.book import Book
from payments.projects.sync.fetch import fetching
from payments.projects.sync.look import billing_of, look
from payments.projects.sync.record import Foreign, Overtaken, record
from payments.projects.sync.topics import SUBSCRIPTION, Topic
from payments.webhooks import batches, fault_log, misses
from payments.webhooks.batches import Taken

Waiting = tuple[Taken, Account, dict[str, Any], Topic]
Group = list[tuple[Taken, dict[str, Any]]]  # the events about one object, the newest last

_EXPECTED = (GatewayError, StripeNotSetUp, Overtaken, Foreign, Unstorable)

# At one object, when others write its row meanwhile: each time one of them got through, and there
# are as many as workers. The pauses keep those apart that overtook each other.
_LOOKS, _PAUSE_MS = 8, 300
_STRIKES = 2  # objects without an answer, until the whole account is taken to be down


def settle(waiting: list[Waiting], deadline: float) -> None:
    """Look at each object once and finish its events; after the deadline the rest goes back."""
    down: dict[Account, Exception] = {}
    strikes: Counter[Account] = Counter()
    left: list[Taken] = []
    for (account, topic), group in _by_topic(waiting).items():
        taken = [event for event, _ in group]
        if clock.monotonic() > deadline:
            left += taken
        elif account in down:
            misses.put_back(taken, down[account])
        elif (error := _one(account, topic, group)) is not None:
            strikes[account] += 1
            if _is_down(error, strikes[account]):
                down[account] = error
    if left:
        batches.put_back(left)


def _by_topic(waiting: list[Waiting]) -> dict[tuple[Account, Topic], Group]:
    found: dict[tuple[Account, Topic], Group] = defaultdict(list)
    for taken, account, event, topic in waiting:
        found[account, topic].append((taken, event))
    return found


def _one(account: Account, topic: Topic, group: Group) -> Exception | None:
    """Settle one object's events; return what went wrong."""
    taken = [event for event, _ in group]
    try:
        _look_and_record(billing_of(account), account, topic, taken)
    except Exception as error:  # noqa: BLE001 - whatever an unknown shape breaks
        db.session.rollback()
        if not isinstance(error, _EXPECTED):
            fault_log.log_fault(taken, error)
        if not _settle_gone(account, topic, group, error):
            misses.put_back(taken, error)
        return error
    return None


def _settle_gone(account: Account, topic: Topic, group: Group, error: Exception) -> bool:
    """End the row of a subscription that Stripe does not have any more; False if it may come back.

    An end that an event tells is written at once, for nobody else will tell it.
    """
    if not isinstance(error, Rejected) or not error.is_missing or topic.kind != SUBSCRIPTION:
        return False
    taken = [event for event, _ in group]
    ends = [event for _, event in group if payload.tells_end(topic, event)]
    if not ends and not misses.is_last_try(taken):
        return False
    with transaction():
        held = batches.hold(taken)
        if held:
            book = Book(account)
            if ends:
                payload.write_end(book, ends[-1])
            else:
                subscriptions.end_vanished(book, topic.id, actor=f"event:{held[-1].event_id}")
            book.close()
            batches.finish(held, note=misses.describe_gone(error))
    return True


def _is_down(error: Exception, strikes: int) -> bool:
    """Say whether an error is the account's; one answer that is missing may be an object's."""
    if isinstance(error, OutcomeUnknown):
        return strikes >= _STRIKES
    return misses.is_everybodys(error) or isinstance(error, BadCredentials | StripeNotSetUp)


def _look_and_record(billing: Billing, account: Account, topic: Topic, group: list[Taken]) -> None:
    for attempt in range(_LOOKS):
        with fetching(account) as fetch:
            present = look(billing, account, topic)
        steps.passed("event.looked")
        try:
            with transaction():
                held = batches.hold(group)
                if not held:
                    return
                book, newest = Book(account), held[-1]
                # What was seen is as new as the first answer: events of before are older than it.
                at = max(newest.created, fetch.answers.first or 0)
                actor = f"event:{newest.event_id}"
                record(book, topic, present, at=at, since=fetch.since, actor=actor)
                book.close()
                batches.finish(held)
                steps.passed("event.finishing")
        except Overtaken:
            if attempt == _LOOKS - 1:
                raise
            pause = timedelta(milliseconds=secrets.randbelow(_PAUSE_MS))
            clock.pause(pause.total_seconds())
        else:
            steps.passed("event.finished")
            return
