"""What celery writes: its lines as ours, and only those that say something."""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

from celery.apps import worker

from payments.config import load
from payments.kit import logs

# Written for each message: what a task does is told by its own lines.
_TICKS = ("celery.app.trace", "celery.worker.strategy")


def configure() -> None:
    """Set up the process's log; celery's ticks are heard as warnings only."""
    settings = load()
    logs.configure(settings.log_level, production=settings.production)
    for name in _TICKS:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("celery.beat").addFilter(_is_no_tick)
    vars(worker)["safe_say"] = _say  # celery prints it whatever the log's settings are


def _is_no_tick(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith("Scheduler: Sending due task")


def _say(message: str, _file: Any = None) -> None:
    """Write what celery says in a handler of signals, where a log's lock may be held already."""
    record = logging.LogRecord("celery.worker", logging.INFO, "", 0, message.strip(), None, None)
    os.write(sys.stderr.fileno(), f"{logs.JsonFormatter().format(record)}\n".encode())
