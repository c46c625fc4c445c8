"""Rows that Stripe's lists did not show: looked at once each, told of, and never deleted.

A subscription that is gone ends, so that its end user can have another one.

They are of deleted test data, of another account's keys, or stand on a test clock; or the list
shows them elsewhere, and there is nothing wrong with them.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from payments.gateway.errors import Rejected
from payments.kit.db import db
from payments.kit.transactions import end_read
from payments.projects.models.ledger import FINAL
from payments.projects.reconcile.account import Job
from payments.projects.reconcile.differences import Reading, unlisted
from payments.projects.reconcile.lists import List
from payments.projects.reconcile.mend import differing, settle
from payments.projects.sync.fetch import fetching
from payments.projects.sync.look import look
from payments.projects.sync.topics import SUBSCRIPTION, Topic
from payments.projects.sync.vanished import end_vanished
from payments.runs import window
from payments.runs.walk import Tally
from payments.runs.window import BATCH, Window

log = logging.getLogger(__name__)


def judge(job: Job, listing: List, at: Window, tally: Tally) -> Window | None:
    """Judge the next rows of the window, at most one of them by a call; None at the list's end."""
    rows = _rows(job, listing, at)
    for row in rows:
        key = getattr(row, listing.key.key)
        if key in at.listed:
            continue
        tally.seen += 1
        if at.given_up or row.status in FINAL:
            tally.found([unlisted(listing.kind, row, key)])
            continue
        known = _looked(job, listing, row, tally)
        return at.judged(row.created_at, key, in_vain=not known)
    if len(rows) < BATCH:
        return at.closed()
    return at.judged(rows[-1].created_at, getattr(rows[-1], listing.key.key))


def _rows(job: Job, listing: List, at: Window) -> list[Any]:
    model = listing.model
    query = sa.select(model).where(*job.account.owns(model), *listing.rows)
    query = window.batch(query, at, made=model.created_at, key=listing.key)
    rows = list(db.session.scalars(query))
    end_read()
    return rows


def _looked(job: Job, listing: List, row: Any, tally: Tally) -> bool:
    """Look at an object by itself; False when Stripe does not have it."""
    key, topic = getattr(row, listing.key.key), Topic(listing.kind, getattr(row, listing.key.key))
    try:
        with fetching(job.account) as fetch:
            present = look(job.billing, job.account, topic)
    except Rejected as error:
        _refused(job, listing, row, key, error, tally)
        return not error.is_missing
    if present.invoice is not None and row.invoice_id is None:
        return True  # it stands in the list of invoices' payments, and was compared there
    tied = present.invoice.subscription if present.invoice else None
    ids = [key] if listing.kind == SUBSCRIPTION else [tied] if tied else []
    rows = Reading(job.account, ids, [state.id for state in present.payments])
    end_read()
    seen = differing(job, rows, topic, present, fetch.since)
    settle(job, [seen] if seen else [], fetch, tally)
    return True


def _refused(job: Job, listing: List, row: Any, key: str, error: Rejected, tally: Tally) -> None:
    if error.is_missing:
        found = unlisted(listing.kind, row, key)
        tally.found([replace(found, fixed=_end_row(job, listing, key))])
        return
    log.error("cannot look at %s: %s", key, error.code)
    tally.failed += 1


def _end_row(job: Job, listing: List, key: str) -> bool:
    if job.dry_run or listing.kind != SUBSCRIPTION:
        return False
    return end_vanished(job.account, key, actor=job.actor)
