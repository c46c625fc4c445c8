"""Brings rows level with what was seen at Stripe, unless somebody wrote them since."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from payments.kit.transactions import end_read, transaction
from payments.projects.reconcile.account import Job
from payments.projects.reconcile.differences import ROW, Reading, of_present
from payments.projects.sync.book import Book
from payments.projects.sync.fetch import Fetch
from payments.projects.sync.look import Present
from payments.projects.sync.record import Overtaken, is_foreign, record
from payments.projects.sync.topics import Topic
from payments.runs.slices import Difference
from payments.runs.walk import Tally

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Seen:
    """An object as Stripe showed it, and the differences to our rows."""

    topic: Topic
    present: Present
    differences: list[Difference]


def differing(job: Job, rows: Reading, topic: Topic, present: Present, since: int) -> Seen | None:
    """Compare what was fetched after the ledger's version `since` with the rows.

    None when they agree, when the object is another project's, or when a row was written meanwhile:
    that is the newer one, and there is nothing to say of it.
    """
    found = of_present(rows, present)
    if not found or _is_others(job, present):
        return None
    held = [rows.payment(state.id) for state in present.payments]
    subscription = rows.subscription(present.subscription.id) if present.subscription else None
    if any(row.version > since for row in (*held, subscription) if row):
        return None
    return Seen(topic, present, found)


def _is_others(job: Job, present: Present) -> bool:
    try:
        return is_foreign(job.account, present)
    finally:
        end_read()  # calls to Stripe follow


def settle(job: Job, seen: Sequence[Seen], fetch: Fetch, tally: Tally) -> None:
    """Mend what differs, unless it is only to be told; count what came of it."""
    if job.dry_run:
        for each in seen:
            _count(tally, each.differences)
    elif seen:
        _mend(job, seen, fetch, tally)


def _mend(job: Job, seen: Sequence[Seen], fetch: Fetch, tally: Tally) -> None:
    """Mend all at once; only when that fails each by itself, to find the one to blame."""
    try:
        results = _written(job, seen, fetch)
    except Exception:
        if len(seen) > 1:
            log.warning("%d objects are taken one by one", len(seen), exc_info=True)
            for each in seen:
                _mend(job, [each], fetch, tally)
            return
        log.exception("a %s could not be mended", seen[0].topic.kind)
        _count(tally, seen[0].differences)
        tally.failed += 1
        return
    for result in results:
        _count(tally, result)


def _written(job: Job, seen: Sequence[Seen], fetch: Fetch) -> list[list[Difference]]:
    with transaction():
        book = Book(job.account)
        _preload(book, seen)
        results = [_one(job, book, each, fetch) for each in seen]
        book.close()
    return results


def _preload(book: Book, seen: Sequence[Seen]) -> None:
    """Read all rows in a few queries."""
    states = [each.present.subscription for each in seen if each.present.subscription]
    payments = [state for each in seen for state in each.present.payments]
    bills = [each.present.invoice for each in seen if each.present.invoice]
    tied = [bill.subscription for bill in bills if bill.subscription]
    book.load([state.id for state in states] + tied, [state.id for state in payments])
    book.people.load([state.user for state in states], [state.customer for state in states])
    customers = [state.customer for state in payments] + [bill.customer for bill in bills]
    book.people.load([state.user for state in payments], customers)


def _one(job: Job, book: Book, seen: Seen, fetch: Fetch) -> list[Difference]:
    """Write an object's rows; return what had differed, and whether it still does."""
    before = of_present(book, seen.present)
    # Events from before the fetch are older than it: they make Stripe be asked once more.
    at, since = fetch.first, fetch.since
    try:
        record(book, seen.topic, seen.present, at=at, since=since, actor=job.actor)
    except Overtaken:
        return []
    left = {(each.object_id, each.field) for each in of_present(book, seen.present)}
    return [replace(each, fixed=(each.object_id, each.field) not in left) for each in before]


def _count(tally: Tally, differences: list[Difference]) -> None:
    tally.found(differences, missing=any(each.field == ROW for each in differences))
