"""The base of every task: one Flask app a process, a context and bound log fields a run."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from celery import Task
from flask import Flask

from payments.kit import clock, logs
from payments.kit.db import db
from payments.kit.request_ids import is_request_id, is_trace_id
from worker import app as celery

log = logging.getLogger(__name__)

Job = TypeVar("Job", bound=Callable[..., Any])

_flask: Flask | None = None


def flask_app() -> Flask:
    """Return this process's Flask app; it is made after the fork, so no socket is shared."""
    global _flask  # noqa: PLW0603 - one a process
    if _flask is None:
        from payments.app import create_app  # noqa: PLC0415 - heavy, and only needed here

        _flask = create_app()
    return _flask


class AppTask(Task):  # type: ignore[type-arg]
    """Runs the job inside the app context, with its ids bound to every log line."""

    abstract = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with flask_app().app_context():
            logs.bind(task=self.name, task_id=self.request.id, **self._read_carried(), **kwargs)
            began = clock.monotonic()
            try:
                return super().__call__(*args, **kwargs)
            finally:
                db.session.remove()
                duration = clock.count_ms_since(began)
                # What beat starts has no ids, and would fill the log.
                level = logging.INFO if kwargs else logging.DEBUG
                log.log(level, "%s ended", self.name, extra={"fields": {"duration_ms": duration}})
                logs.unbind()

    def _read_carried(self) -> dict[str, str]:
        """Return the ids of the request that sent the message: `payments.jobs.enqueue` adds them.

        Whoever can write to Redis can write anything: only what looks like an id is taken.
        """
        headers = self.request.headers or {}
        fit = {"request_id": is_request_id, "trace_id": is_trace_id}
        return {name: headers[name] for name, is_fit in fit.items() if is_fit(headers.get(name))}


def job(name: str) -> Callable[[Job], Job]:
    """Register a function as the task of that name."""

    def register(function: Job) -> Job:
        celery.task(name=name, base=AppTask)(function)
        return function

    return register
