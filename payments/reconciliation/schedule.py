"""Begins the runs that are due, a page of accounts at a time, and wakes those that nobody woke."""

from __future__ import annotations

import logging

from payments import jobs
from payments.kit.db import db
from payments.kit.locks import Lock
from payments.kit.transactions import transaction
from payments.reconciliation import due
from payments.reconciliation.accounts import Account
from payments.runs.begin import begin
from payments.runs.models import EVENTS, OBJECTS

log = logging.getLogger(__name__)

ACTOR = "sweep"

# What a tick begins at most. Comparing objects reads a whole account: a few a minute spread
# thousands of accounts over their day.
EVENTS_A_TICK, OBJECTS_A_TICK = 100, 10


def tick(lock: Lock) -> bool:
    """Begin what is due; True when there may be more. A holder who has lost the lock does nothing.

    The lock only saves work: one open run a kind and account is what the unique index allows.
    """
    _begin(lock, OBJECTS, due.for_objects(OBJECTS_A_TICK))
    return _begin(lock, EVENTS, due.for_events(EVENTS_A_TICK)) == EVENTS_A_TICK


def _begin(lock: Lock, kind: str, accounts: list[Account]) -> int:
    with transaction():
        if not lock.holds():
            log.warning("lock %d on the schedule is another's by now", lock.fence)
            return 0
        made = [begin(*account, kind, actor=ACTOR)[1] for account in accounts]
    return sum(made)


def wake_due() -> int:
    """Send tasks for open runs that are due, as many as there is room for; return how many.

    The longest waiting are those that the queue holds already.
    """
    queued = jobs.queued(jobs.RUNS)
    waiting = due.runs(max(jobs.SWEPT, queued))[queued:]
    db.session.rollback()
    return sum(jobs.enqueue(jobs.RECONCILE, run_id=run_id) for run_id in waiting)
