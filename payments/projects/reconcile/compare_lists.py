"""Holds a ledger against Stripe's lists, page by page, and then our rows against what was listed.

Objects first, in pages of a hundred: a call for one object is made only where its page does not
tell all, and for a row that no page has shown.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import partial
from typing import Any

from payments.gateway.errors import Rejected
from payments.kit.transactions import end_read
from payments.projects.models.configs import TEST
from payments.projects.reconcile.account import Job, opened
from payments.projects.reconcile.differences import Reading
from payments.projects.reconcile.lists import LISTS, List, Listed
from payments.projects.reconcile.mend import Seen, differing, settle
from payments.projects.reconcile.totals import recount
from payments.projects.reconcile.unlisted import judge
from payments.projects.reconcile.whole import whole
from payments.projects.sync.account import Account
from payments.projects.sync.fetch import fetching
from payments.projects.sync.topics import SUBSCRIPTION
from payments.runs import window
from payments.runs.slices import Slice
from payments.runs.walk import Deadline, Place, Step, Tally, walk
from payments.runs.window import Window

log = logging.getLogger(__name__)


def compare(
    owner: str,
    mode: str,
    position: dict[str, Any],
    *,
    dry_run: bool,
    actor: str,
    deadline: Deadline,
) -> Slice:
    """Compare a project's account with its ledger from `position` on, until the deadline.

    Raises StripeNotSetUp, or the gateway's error when the account fails at once.
    """
    job = opened(Account(owner, mode == TEST), dry_run=dry_run, actor=actor)
    lists = {name: partial(_step, job, listing) for name, listing in LISTS.items()}
    steps: dict[str, Step] = {**lists, "totals": partial(recount, job)}
    return walk(steps, position, deadline=deadline)


def _step(job: Job, listing: List, place: Place, tally: Tally) -> Place | None:
    """Compare the next page, or look for rows that the last one should have shown."""
    at = window.opened(place)
    following = _page(job, listing, at, tally) if at.low is None else judge(job, listing, at, tally)
    return None if following is None else following.place


def _page(job: Job, listing: List, at: Window, tally: Tally) -> Window:
    with fetching(job.account) as fetch:
        page = listing.page(job.lists, at.after)
    found = list(_readable(listing, page.items, tally))
    rows = _rows(job, found)
    end_read()
    seen = [
        each for item in found if (each := _seen(job, item, rows, fetch.since, tally)) is not None
    ]
    settle(job, seen, fetch, tally)
    tally.seen += len(found)
    last = page.items[-1]["created"] + listing.lag if page.items else None
    listed = {item.id: item.made for item in found}
    return at.read(listed, after=page.after, more=page.more, down_to=last)


def _readable(listing: List, items: Iterable[Any], tally: Tally) -> Iterable[Listed]:
    for item in items:
        try:
            found = listing.read(item)
        except Exception:  # whatever a shape we do not know breaks
            log.exception("%s could not be read", item.get("id"))
            tally.failed += 1
        else:
            if found is not None:
                yield found


def _rows(job: Job, found: list[Listed]) -> Reading:
    own = [item.id for item in found]
    if found and found[0].topic.kind == SUBSCRIPTION:
        return Reading(job.account, own, [])
    tied = [item.invoice.subscription for item in found if item.invoice]
    return Reading(job.account, filter(None, tied), own)


def _seen(job: Job, item: Listed, rows: Reading, since: int, tally: Tally) -> Seen | None:
    """Compare one object; one that breaks is counted and stops nobody."""
    try:
        return differing(job, rows, item.topic, whole(job, item, rows), since)
    except (Rejected, LookupError, TypeError, ValueError, AttributeError):
        log.exception("%s could not be compared", item.id)
        tally.failed += 1
        return None
