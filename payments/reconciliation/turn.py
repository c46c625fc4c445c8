"""A turn of a run: a few slices, each counted as it ends, so that whoever is next goes on there."""

from __future__ import annotations

import logging
from dataclasses import replace

from payments.gateway.errors import BadCredentials, GatewayError, Rejected
from payments.gateway.traffic import background, counted
from payments.kit import clock
from payments.kit.crypto import Unsealable
from payments.kit.db import db
from payments.kit.transactions import transaction
from payments.projects.errors import StripeNotSetUp
from payments.reconciliation.comparers import comparer
from payments.reconciliation.tell import tell
from payments.runs import progress
from payments.runs.models import ReconciliationRun
from payments.runs.progress import Taken
from payments.runs.slices import Slice

log = logging.getLogger(__name__)

# Short, because a charge may wait for the same worker process meanwhile.
TURN_SECONDS = 5

# Nothing that waiting would mend: somebody has to do something about the key, or about our code.
_HOPELESS = (BadCredentials, StripeNotSetUp, Rejected, Unsealable)
_KNOWN = (GatewayError, StripeNotSetUp, Unsealable)


def turn(run_id: int) -> bool:
    """Go on with a run if nobody else does; True when it has more to do at once."""
    taken = progress.claim(run_id)
    end = clock.monotonic() + TURN_SECONDS
    while taken is not None and clock.monotonic() < end:
        taken = _slice(taken, end)
    return taken is not None and _pause(taken)


def _slice(taken: Taken, end: float) -> Taken | None:
    """Do the next slice; None when the run has ended, was put back or is another worker's."""
    with background(seconds=TURN_SECONDS), counted() as traffic:
        try:
            found = _compare(taken, end)
        except Exception as error:
            if not isinstance(error, _KNOWN):
                log.exception("run %d of %s could not go on", taken.id, taken.owner)
            db.session.rollback()
            _stumble(taken, error, traffic.calls)
            return None
    return _count(taken, found, traffic.calls)


def _compare(taken: Taken, end: float) -> Slice:
    compare = comparer(taken.kind, taken.owner)
    return compare(
        taken.owner, taken.mode, taken.position,
        dry_run=taken.dry_run, actor=taken.actor, deadline=end,
    )  # fmt: skip


def _count(taken: Taken, found: Slice, calls: int) -> Taken | None:
    with transaction():
        run = progress.hold(taken)
        if run is None:
            log.warning("run %d went on at another worker", taken.id)
            return None
        progress.tally(run, found, calls=calls)
        if found.done:
            progress.finish(run)
            tell(run)
            return None
    return replace(taken, position=found.position)


def _stumble(taken: Taken, error: Exception, calls: int) -> None:
    with transaction():
        run = progress.hold(taken)
        if run is not None:
            run.stripe_calls += calls
            _put_aside(run, error)


def _put_aside(run: ReconciliationRun, error: Exception) -> None:
    if isinstance(error, GatewayError) and error.throttled:
        return progress.throttle(run)
    if not isinstance(error, _HOPELESS):
        return progress.put_back(run, _said(error))
    progress.fail(run, _said(error))
    log.warning("run %d of %s has failed: %s", run.id, run.owner, run.error)
    return tell(run)


def _said(error: Exception) -> str:
    """Say what went wrong; the texts of Stripe and of our own rooms are fit for an account."""
    return f"{type(error).__name__}: {error}"


def _pause(taken: Taken) -> bool:
    with transaction():
        run = progress.hold(taken)
        if run is not None:
            progress.pause(run)
        return run is not None
