"""How a run goes on: claimed by one worker, counted slice by slice, ended or put back."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from payments.kit import clock, leases
from payments.kit.db import db
from payments.kit.redaction import redact_line
from payments.kit.transactions import transaction
from payments.runs.models import FAILED, OPEN, RUNNING, SUCCEEDED, Drift, ReconciliationRun
from payments.runs.slices import Difference, Slice

# Longer than a slice may take with a Stripe that lets each call time out.
LEASE_SECONDS = 90
# Claims in a row that brought nothing, about an hour long: then the run has failed, and the next
# one starts afresh.
MOST_TRIES = 20
LONGEST_WAIT = timedelta(minutes=5)

_COUNTS = ("seen", "missing", "drifted", "fixed", "failed")


@dataclass(frozen=True)
class Taken:
    """A run that this worker holds, by the fence it took it with."""

    id: int
    fence: int
    owner: str
    mode: str
    kind: str
    dry_run: bool
    actor: str
    position: dict[str, Any] = field(repr=False)


def claim(run_id: int) -> Taken | None:
    """Take an open run for LEASE_SECONDS; None when it is held, ended or not due.

    One that went on killing its workers without getting on is given up here.
    """
    with transaction():
        fence = leases.claim(ReconciliationRun, run_id, OPEN, seconds=LEASE_SECONDS, state="state")
        if fence is None:
            return None
        run = db.session.get_one(ReconciliationRun, run_id, populate_existing=True)
        if run.tries > MOST_TRIES:
            fail(run, run.error or "its workers died")
            return None
        run.state, run.started_at = RUNNING, run.started_at or clock.now()
        return Taken(*(getattr(run, name) for name in Taken.__dataclass_fields__))


def hold(taken: Taken) -> ReconciliationRun | None:
    """Lock the run until the transaction ends; None once it has lapsed to another worker."""
    query = sa.select(ReconciliationRun).where(
        ReconciliationRun.id == taken.id,
        ReconciliationRun.fence == taken.fence,
        ReconciliationRun.state == RUNNING,
    )
    return db.session.scalars(query.with_for_update()).one_or_none()


def tally(run: ReconciliationRun, found: Slice, *, calls: int) -> None:
    """Count a slice in, keep its differences and where the next one begins, and hold on."""
    for name in _COUNTS:
        setattr(run, name, getattr(run, name) + getattr(found, name))
    run.stripe_calls += calls
    run.position = found.position
    run.tries, run.throttled, run.error = 0, 0, None
    run.leased_until = leases.moment_in(timedelta(seconds=LEASE_SECONDS))
    rows = [_drift(run, difference) for difference in found.differences]
    if rows:
        db.session.execute(sa.insert(Drift), rows)


def _drift(run: ReconciliationRun, difference: Difference) -> dict[str, Any]:
    return {
        "run_id": run.id,
        "owner": run.owner,
        "object": difference.object,
        "object_id": difference.object_id[:255],
        "field": difference.field,
        "ours": _cut(difference.ours),
        "theirs": _cut(difference.theirs),
        "fixed": difference.fixed,
    }


def _cut(value: str | None) -> str | None:
    return None if value is None else value[:255]


def finish(run: ReconciliationRun) -> None:
    """Mark the run as done."""
    _end(run, SUCCEEDED)


def fail(run: ReconciliationRun, reason: str) -> None:
    """End the run without success and say why."""
    _end(run, FAILED)
    run.error = _told(reason)


def put_back(run: ReconciliationRun, reason: str) -> None:
    """Let the run come back after a growing wait; after MOST_TRIES in a row it has failed."""
    if run.tries >= MOST_TRIES:
        return fail(run, reason)
    run.error = _told(reason)
    return leases.release(run, due_in=leases.backoff(run.tries, most=LONGEST_WAIT))


def throttle(run: ReconciliationRun) -> None:
    """Let the run come back once Stripe has room again: that uses up no try."""
    leases.throttle(run)


def pause(run: ReconciliationRun) -> None:
    """Let the run go to whoever comes next: it is due at once."""
    leases.release(run, due_in=timedelta())


def _end(run: ReconciliationRun, state: str) -> None:
    run.state, run.finished_at, run.error = state, clock.now(), None
    leases.release(run)


def _told(reason: str) -> str:
    return redact_line(reason)
