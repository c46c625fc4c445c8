"""Brings projects' events into their ledgers: in one transaction what payloads tell, then by a
look at Stripe what they do not."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator
from itertools import groupby

from payments.kit import steps
from payments.kit.db import db
from payments.kit.storable import Unstorable, clean_json
from payments.kit.transactions import transaction
from payments.projects.sync import payload
from payments.projects.sync.account import Account
from payments.projects.sync.book import Book
from payments.projects.sync.topics import Topic, topic_of
from payments.webhooks import batches, fault_log, looks, misses
from payments.webhooks.batches import Taken
from payments.webhooks.screen import Entry, select_applicable

log = logging.getLogger(__name__)


def apply(taken: list[Taken], deadline: float) -> None:
    """Handle events of projects: each is done, back later, or dead afterwards."""
    entries = select_applicable(sorted(map(_entry, taken), key=lambda entry: entry.order))
    if entries:
        waiting = _in_batch(entries)
        looks.settle([(e.taken, e.account, e.event, t) for e, t in waiting], deadline)


def _entry(taken: Taken) -> Entry:
    account = Account(taken.owner, taken.mode == "test")
    event = json.loads(clean_json(taken.payload))
    # In seconds, however the event wrote it.
    return Entry(taken, account, {**event, "created": taken.created})


def _in_batch(entries: list[Entry]) -> list[tuple[Entry, Topic]]:
    """Apply all at once; only when that fails each by itself, to find the one to blame."""
    try:
        with transaction():
            held = _still_held(entries)
            steps.passed("event.applying")
            waiting = list(_apply(held))
            _finish(held, waiting)
            steps.passed("event.finishing")
    except Exception as error:
        log.debug("%d events are taken one by one", len(entries), exc_info=error)
        return _one_by_one(entries)
    steps.passed("event.finished")
    return waiting


def _one_by_one(entries: list[Entry]) -> list[tuple[Entry, Topic]]:
    waiting: list[tuple[Entry, Topic]] = []
    broken: list[tuple[Entry, Exception]] = []
    with transaction():
        held = _still_held(entries)
        for entry in held:
            try:
                with db.session.begin_nested():
                    waiting += _apply([entry])
            except Exception as error:  # noqa: BLE001 - whatever an unknown shape breaks
                if not isinstance(error, Unstorable):
                    fault_log.log_fault([entry.taken], error)
                broken.append((entry, error))
        poison = {entry.taken.id for entry, _ in broken}
        _finish([entry for entry in held if entry.taken.id not in poison], waiting)
    for entry, reason in broken:
        misses.put_back([entry.taken], reason)
    return waiting


def _still_held(entries: list[Entry]) -> list[Entry]:
    ids = {taken.id for taken in batches.hold([entry.taken for entry in entries])}
    return [entry for entry in entries if entry.taken.id in ids]


def _finish(held: list[Entry], waiting: Iterable[tuple[Entry, Topic]]) -> None:
    later = {entry.taken.id for entry, _ in waiting}
    batches.finish(entry.taken for entry in held if entry.taken.id not in later)


def _apply(entries: list[Entry]) -> Iterator[tuple[Entry, Topic]]:
    """Apply what payloads tell, account by account; yield what Stripe has to be asked about."""
    for account, group in groupby(entries, key=lambda entry: entry.account):
        about = [(entry, topic_of(entry.event)) for entry in group]
        told = [(entry, topic) for entry, topic in about if topic is not None]
        if told:
            yield from _in_book(account, told)


def _in_book(account: Account, told: list[tuple[Entry, Topic]]) -> list[tuple[Entry, Topic]]:
    book = Book(account)
    payload.preload(book, [(topic, entry.event) for entry, topic in told])
    waiting = [(entry, topic) for entry, topic in told if not _told(book, entry, topic)]
    book.close()
    return waiting


def _told(book: Book, entry: Entry, topic: Topic) -> bool:
    return payload.apply(book, topic, entry.event)
