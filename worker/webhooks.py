"""Tasks of the inbox."""

from payments import jobs
from payments.webhooks import drain as inbox_drain
from worker.tasks import job


@job(jobs.DRAIN_INBOX)
def drain() -> None:
    """Handle the events that wait; a full batch means that there are more."""
    if inbox_drain.drain() == inbox_drain.BATCH:
        jobs.enqueue(jobs.DRAIN_INBOX)
