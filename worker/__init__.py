"""The Celery app: `celery -A worker worker` and `celery -A worker beat`."""

from __future__ import annotations

from typing import Any

from celery import Celery
from celery.signals import setup_logging

from payments.config import load
from payments.kit import logs
from worker import health, schedule

app = Celery(
    "payments",
    include=["worker.charges", "worker.webhooks", "worker.invoices", "worker.reconciliation"],
)
app.config_from_object("celeryconfig")
app.conf.beat_schedule = schedule.ENTRIES


@setup_logging.connect
def configure_logging(**_options: Any) -> None:
    """Let Celery's own lines go through our redacting formatter too."""
    logs.configure(load().log_level)
