"""The base of every task: one Flask app a process, a context and bound log fields a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from celery import Task
from flask import Flask

from payments.kit import logs
from payments.kit.db import db
from worker import app as celery

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
            logs.bind(task=self.name, **kwargs)
            try:
                return super().__call__(*args, **kwargs)
            finally:
                db.session.remove()
                logs.unbind()


def job(name: str) -> Callable[[Job], Job]:
    """Register a function as the task of that name."""

    def register(function: Job) -> Job:
        celery.task(name=name, base=AppTask)(function)
        return function

    return register
