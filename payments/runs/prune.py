"""Forgets runs that tell nothing any more."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from payments.kit import clock
from payments.kit.transactions import transaction
from payments.runs.models import EVENTS, FAILED, KINDS, SUCCEEDED, Drift, ReconciliationRun

KEPT_FOR = timedelta(days=90)
# A look every five minutes that found all in order is of no interest to anybody tomorrow.
QUIET_KEPT_FOR = timedelta(days=1)
BATCH = 1000


def prune() -> int:
    """Delete up to BATCH runs whose time is over, with their drifts; return how many."""
    with transaction() as session:
        gone = list(session.scalars(sa.select(ReconciliationRun.id).where(_over()).limit(BATCH)))
        session.execute(sa.delete(Drift).where(Drift.run_id.in_(gone)))
        session.execute(sa.delete(ReconciliationRun).where(ReconciliationRun.id.in_(gone)))
        return len(gone)


def _over() -> sa.ColumnElement[bool]:
    run, moment = ReconciliationRun, clock.now()
    # Spelled out for the index: without kind and state every run would be read each time.
    ended = sa.and_(run.kind.in_(KINDS), run.state.in_((SUCCEEDED, FAILED)))
    quiet = sa.and_(
        run.kind == EVENTS,
        run.state == SUCCEEDED,
        run.missing + run.drifted + run.failed == 0,
        run.finished_at < moment - QUIET_KEPT_FOR,
    )
    return sa.or_(quiet, sa.and_(ended, run.finished_at < moment - KEPT_FOR))
