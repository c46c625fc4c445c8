"""The Celery app: `celery -A worker worker` and `celery -A worker beat`."""

from __future__ import annotations

import signal
from typing import Any

from celery import Celery
from celery.signals import setup_logging, worker_process_init, worker_ready

from payments import jobs
from payments.config import load
from payments.kit import logs
from worker import broker, schedule

broker.install()
app = Celery(
    "payments",
    include=[
        "worker.charges",
        "worker.health",
        "worker.invoices",
        "worker.reconciliation",
        "worker.webhooks",
    ],
)
app.config_from_object("celeryconfig")
app.conf.beat_schedule = schedule.ENTRIES


@setup_logging.connect
def configure_logging(**_options: Any) -> None:
    """Let Celery's own lines go through our redacting formatter too."""
    logs.configure(load().log_level)


@worker_process_init.connect
def finish_what_was_begun(**_options: Any) -> None:
    """Ignore SIGTERM in the pool: Heroku sends it to every process, and celery's would die of it.

    The parent takes no more tasks and lets the pool's processes go when theirs are done.
    """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


@worker_ready.connect
def say_that_it_lives(sender: Any, **_options: Any) -> None:
    """Leave the first heartbeat at once: readiness need not wait for beat's turn."""
    sender.app.send_task(jobs.HEARTBEAT, queue=jobs.QUEUE_OF[jobs.HEARTBEAT])
