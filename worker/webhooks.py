"""Tasks of the inbox."""

from payments import jobs
from payments.webhooks import drain as inbox_drain
from payments.webhooks.wake import wake_if_any
from worker.tasks import job


@job(jobs.DRAIN_INBOX)
def drain() -> None:
    """Handle the events that wait, a batch at a time, so that other tasks get their turn."""
    if inbox_drain.drain():
        wake_if_any()
