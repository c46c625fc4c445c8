"""The Celery app: `celery -A worker worker` and `celery -A worker beat`."""

from __future__ import annotations

import signal
from typing import Any

from celery import Celery
from celery.signals import (
    beat_init,
    celeryd_init,
    setup_logging,
    task_prerun,
    worker_process_init,
    worker_ready,
)

from payments import jobs
from payments.gateway.waits import end_waits_soon
from worker import broker, output, schedule

broker.install()
app = Celery(
    "payments",
    include=[
        "worker.charges",
        "worker.health",
        "worker.invoices",
        "worker.mail",
        "worker.reconciliation",
        "worker.webhooks",
    ],
)
app.config_from_object("celeryconfig")
app.conf.beat_schedule = schedule.ENTRIES


# Before celery's own checks of its surroundings, which warn, and again when it sets up logging.
@celeryd_init.connect
@beat_init.connect
@setup_logging.connect
def configure_logging(**_options: Any) -> None:
    """Let Celery's own lines go through our redacting formatter too."""
    output.configure()


@worker_process_init.connect
def finish_what_was_begun(**_options: Any) -> None:
    """Ignore SIGTERM in the pool: Heroku sends it to every process, and celery's would die of it.

    The parent takes no more tasks and lets the pool's processes go when theirs are done.
    """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    task_prerun.connect(let_calls_end_soon)


def let_calls_end_soon(**_options: Any) -> None:
    """End a call to Stripe that takes too long after SIGTERM: the task puts its row back.

    Set by each task of a pool's process, as billiard replaces any handler that is set before.
    """
    signal.signal(signal.SIGTERM, end_waits_soon)


@worker_ready.connect
def say_that_it_lives(sender: Any, **_options: Any) -> None:
    """Leave the first heartbeat at once: readiness need not wait for beat's turn."""
    sender.app.send_task(jobs.HEARTBEAT, queue=jobs.QUEUE_OF[jobs.HEARTBEAT])
