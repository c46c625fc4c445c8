"""The service under simulation: its app and the state that every example starts from."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Flask
from redis.exceptions import ConnectionError as RedisAway

from payments import config
from payments.app import create_app
from payments.extensions import limiter
from payments.kit.db import db
from payments.sandbox.accounts import authenticate_key
from payments.sandbox.app import App
from payments.sandbox.settings import Settings
from tests.simulation.stripe_link import BASE

SECRET_KEY = "sk_test_simulation"
WEBHOOK_SECRET = "whsec_simulation"
SCOPE = authenticate_key(SECRET_KEY).scope


class SimulatedRedis:
    """A Redis that takes wake-ups and knows nothing else: the queue is the simulation's own."""

    def set(self, *_: Any, **__: Any) -> bool:
        return True

    def delete(self, *_: Any) -> int:
        return 1

    def publish(self, *_: Any) -> int:
        return 0

    def close(self) -> None:
        """Hold nothing."""

    def __getattr__(self, name: str) -> Any:
        raise RedisAway(f"{name}: there is no Redis in the simulation")


@dataclass
class Workspace:
    """One of the tenants: whose money is moved."""

    id: int
    slug: str
    cards: dict[str, str] = field(default_factory=dict)


@dataclass
class Service:
    """The app on its database file, and copies of both sides as every example finds them."""

    app: Flask
    file: Path
    token: str = ""
    workspaces: list[Workspace] = field(default_factory=list)
    stripe: sqlite3.Connection = field(default_factory=lambda: sqlite3.connect(":memory:"))

    @property
    def template(self) -> Path:
        return self.file.with_suffix(".template")

    def keep(self, stripe: App) -> None:
        """Make the present state the one that every example begins with."""
        self._close()
        shutil.copyfile(self.file, self.template)
        stripe.parts.store.connection.backup(self.stripe)

    def restore(self) -> App:
        """Put the service's database back and return a sandbox of the same state."""
        self._close()
        shutil.copyfile(self.template, self.file)
        return self.new_sandbox(self.stripe)

    @staticmethod
    def new_sandbox(state: sqlite3.Connection | None = None) -> App:
        """Return a sandbox that nobody serves: its requests come from this process."""
        stripe = App(":memory:", Settings(search_lag=0))
        stripe.parts.home = BASE
        if state is not None:
            state.backup(stripe.parts.store.connection)
        return stripe

    def _close(self) -> None:
        with self.app.app_context():
            db.engine.dispose()
        for suffix in ("-wal", "-shm"):
            Path(f"{self.file}{suffix}").unlink(missing_ok=True)


@contextmanager
def prepared_service() -> Iterator[Service]:
    """Make the app on a fresh database file in memory; its log is silent meanwhile."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        # One limiter serves a process: it counts where the app that was made last says.
        former, level = dict(vars(limiter)), logging.root.level
        handlers = list(logging.root.handlers)
        service = Service(_new_app(Path(folder)), Path(folder) / "payments.sqlite3")
        logging.disable(logging.CRITICAL)
        try:
            yield service
        finally:
            logging.disable(logging.NOTSET)
            logging.root.handlers[:], logging.root.level = handlers, level
            vars(limiter).update(former)
            service._close()


def _new_app(folder: Path) -> Flask:
    app = create_app(config.load(_environment(folder)))
    app.extensions["payments.redis"] = SimulatedRedis()
    limiter.enabled = False
    with app.app_context():
        sa.event.listen(db.engine, "connect", _forget_the_disk)
    return app


def _forget_the_disk(connection: Any, _record: Any) -> None:
    # A machine never loses its power here; a process that dies loses nothing of what it wrote.
    connection.execute("PRAGMA synchronous=OFF")


def _environment(folder: Path) -> dict[str, str]:
    return {
        "DATABASE_URL": f"sqlite:///{folder / 'payments.sqlite3'}",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "DATA_DIR": str(folder),
        "STRIPE_API_BASE": BASE,
        "STRIPE_SECRET_KEY": SECRET_KEY,
        "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
        "CHARGE_WAIT_SECONDS": "0",
        "RATE_LIMIT": "1000000 per minute",
        "LOG_LEVEL": os.environ.get("SIMULATION_LOG_LEVEL", "CRITICAL"),
    }
