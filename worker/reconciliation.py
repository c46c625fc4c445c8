"""Tasks on a schedule: whatever was left open is finished here."""

from payments import jobs
from payments.extensions import redis
from payments.idempotency.store import prune
from payments.pages.readiness import HEARTBEAT_KEY, HEARTBEAT_SECONDS
from payments.webhooks.wake import wake_if_any
from payments.workspaces import reconcile
from worker.tasks import job


@job(jobs.SWEEP_DUE)
def sweep_due() -> None:
    """Wake what is due and was not woken."""
    reconcile.wake_due()
    wake_if_any()


@job(jobs.SWEEP_EXPIRED)
def sweep_expired() -> None:
    """Expire what nobody came back for, and forget answers that may be forgotten."""
    reconcile.expire_unauthenticated()
    prune()


@job(jobs.HEARTBEAT)
def heartbeat() -> None:
    """Leave the mark by which readiness knows that a worker lives."""
    redis().set(HEARTBEAT_KEY, "alive", ex=HEARTBEAT_SECONDS)
