"""Tasks on a schedule: whatever was left open is finished here."""

from payments import jobs
from payments.extensions import redis
from payments.idempotency.store import prune
from payments.pages.readiness import HEARTBEAT_KEY, HEARTBEAT_SECONDS
from payments.webhooks import inbox
from payments.workspaces import reconcile
from payments.workspaces.refunds import follow
from worker.tasks import job


@job(jobs.SWEEP_DUE)
def sweep_due() -> None:
    """Wake what is due and was not woken."""
    reconcile.wake_due()
    if inbox.due(1):
        jobs.enqueue(jobs.DRAIN_INBOX)


@job(jobs.SWEEP_EXPIRED)
def sweep_expired() -> None:
    """Expire what nobody came back for, and forget answers that may be forgotten."""
    reconcile.expire_unauthenticated()
    follow.look_at_submitted()
    prune()


@job(jobs.HEARTBEAT)
def heartbeat() -> None:
    """Leave the mark by which readiness knows that a worker lives."""
    redis().set(HEARTBEAT_KEY, "alive", ex=HEARTBEAT_SECONDS)
