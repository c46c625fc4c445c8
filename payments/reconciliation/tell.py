"""Enters into the timeline what a run found; one that found all in order is not worth a line."""

from __future__ import annotations

from payments.runs.models import SUCCEEDED, ReconciliationRun
from payments.timeline.append import append
from payments.webhooks.models import PLATFORM

_COUNTS = ("seen", "missing", "drifted", "fixed", "failed", "stripe_calls")


def tell(run: ReconciliationRun) -> None:
    """Write an entry about a run that has ended, in the transaction that ends it."""
    if run.missing + run.drifted + run.failed == 0:
        return
    append(
        "reconciliation.finished" if run.state == SUCCEEDED else "reconciliation.failed",
        actor=run.actor,
        subject=f"reconciliation:{run.id}",
        project_id=None if run.owner == PLATFORM else run.owner,
        what=run.kind,
        mode=run.mode,
        dry_run=run.dry_run,
        **{name: getattr(run, name) for name in _COUNTS},
    )
