"""Begins a run, unless the account has one of that kind under way."""

from __future__ import annotations

import sqlalchemy as sa

from payments import jobs
from payments.kit.db import db
from payments.kit.inserts import inserted
from payments.kit.transactions import after_commit
from payments.runs.models import IS_OPEN, ReconciliationRun


def begin(
    owner: str, mode: str, kind: str, *, actor: str, dry_run: bool = False, wakes: bool = True
) -> tuple[ReconciliationRun, bool]:
    """Return the account's open run of this kind, and whether it was made just now.

    In the caller's transaction; after its commit a worker is woken, unless the caller does the
    work himself. Whoever else begins one at the same moment gets the same run.
    """
    run = ReconciliationRun(owner=owner, mode=mode, kind=kind, actor=actor, dry_run=dry_run)
    while not inserted(run):
        open_ = _open(owner, mode, kind, dry_run)
        if open_ is not None:
            return open_, False
        # The other one ended in between: now it is our turn.
        run = ReconciliationRun(owner=owner, mode=mode, kind=kind, actor=actor, dry_run=dry_run)
    if wakes:
        run_id = run.id
        after_commit(lambda: jobs.enqueue(jobs.RECONCILE, run_id=run_id))
    return run, True


def _open(owner: str, mode: str, kind: str, dry_run: bool) -> ReconciliationRun | None:
    query = sa.select(ReconciliationRun).where(
        ReconciliationRun.owner == owner,
        ReconciliationRun.mode == mode,
        ReconciliationRun.kind == kind,
        ReconciliationRun.dry_run == dry_run,
        IS_OPEN,
    )
    return db.session.scalars(query).one_or_none()
