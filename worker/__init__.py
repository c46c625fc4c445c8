"""The Celery app: `celery -A worker worker` and `celery -A worker beat`."""

from __future__ import annotations

from celery import Celery

from worker import schedule

app = Celery(
    "payments",
    include=["worker.charges", "worker.webhooks", "worker.invoices", "worker.reconciliation"],
)
app.config_from_object("celeryconfig")
app.conf.beat_schedule = schedule.ENTRIES
