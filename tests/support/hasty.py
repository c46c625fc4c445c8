"""Other time limits than production's, for a worker with `--include tests.support.hasty`."""

from __future__ import annotations

import os

from celery.signals import worker_init

from worker import app


@worker_init.connect
def shorten(**_options: object) -> None:
    """Give every task the limits of the environment; what the settings say would take minutes."""
    for task in app.tasks.values():
        task.soft_time_limit = int(os.environ["SOFT_SECONDS"])
        task.time_limit = int(os.environ["HARD_SECONDS"])
