"""Does a run to its end in this process, for somebody who waits for it."""

from __future__ import annotations

from payments.kit import clock
from payments.kit.db import db
from payments.reconciliation.accounts import Account
from payments.reconciliation.order import order
from payments.reconciliation.turn import turn
from payments.runs.models import OPEN, ReconciliationRun

# So many failures in a row are waited for; after that the run goes on by itself.
_MOST_TRIES = 3
_PAUSE = 0.2


def whole(account: Account, kind: str, *, actor: str, dry_run: bool) -> ReconciliationRun:
    """Begin a run, or join the one that is under way, and return it once it has ended.

    One that cannot go on for the moment is returned open, with what stands in its way.
    """
    begun, _ = order(account, kind, actor=actor, dry_run=dry_run, wakes=False)
    run_id = begun.id
    while True:
        more = turn(run_id)
        run = db.session.get_one(ReconciliationRun, run_id, populate_existing=True)
        if run.state not in OPEN or max(run.tries, run.throttled) >= _MOST_TRIES:
            return run
        db.session.rollback()
        if not more:
            clock.pause(_PAUSE)
