"""Tasks on a schedule: whatever was left open is finished here."""

from payments import jobs
from payments.extensions import redis
from payments.idempotency.store import prune
from payments.kit.locks import alone
from payments.mail.outbox import wake_due_mails
from payments.pages.readiness import HEARTBEAT_KEY, HEARTBEAT_SECONDS
from payments.projects.key_destruction import destroy_due_keys
from payments.reconciliation import schedule
from payments.reconciliation.turn import turn
from payments.retention import prune as retention
from payments.runs.prune import prune as prune_runs
from payments.webhooks.wake import wake_if_any
from payments.workspaces import reconcile
from payments.workspaces.charges.action import close_failed_intents
from payments.workspaces.refunds import follow
from worker.tasks import job


@job(jobs.SWEEP_DUE)
def sweep_due() -> None:
    """Wake what is due and was not woken."""
    reconcile.wake_due()
    schedule.wake_due()
    wake_due_mails()
    wake_if_any()


@job(jobs.SWEEP_EXPIRED)
def sweep_expired() -> None:
    """Expire what nobody came back for, and forget answers and keys that may be forgotten."""
    reconcile.expire_unauthenticated()
    close_failed_intents()
    follow.look_at_submitted()
    prune()
    prune_runs()
    destroy_due_keys()


@job(jobs.BEGIN_RUNS)
def begin_runs() -> None:
    """Begin the runs that are due; a full page of accounts means that there are more."""
    with alone(redis(), jobs.BEGIN_RUNS, seconds=60) as lock:
        if lock is not None and schedule.tick(lock):
            jobs.enqueue(jobs.BEGIN_RUNS)


@job(jobs.RECONCILE)
def run(*, run_id: int) -> None:
    """Go on with a run for a turn; the next one has its place behind everybody else's."""
    if turn(run_id):
        jobs.enqueue(jobs.RECONCILE, run_id=run_id)


@job(jobs.PRUNE)
def prune_old() -> None:
    """Prune for a turn; what is left has its place behind everybody else's."""
    with alone(redis(), jobs.PRUNE, seconds=120) as lock:
        left = lock is not None and retention.prune()
    if left:
        jobs.enqueue(jobs.PRUNE)


@job(jobs.HEARTBEAT)
def heartbeat() -> None:
    """Leave the mark by which readiness knows that a worker lives."""
    redis().set(HEARTBEAT_KEY, "alive", ex=HEARTBEAT_SECONDS)
