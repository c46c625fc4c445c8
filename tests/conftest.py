"""The stack that tests run on: real database, real Redis protocol, real HTTP to the sandbox.

By default everything is embedded (SQLite, Valkey); with DATABASE_URL and REDIS_URL in the
environment the same suite runs on those servers.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from payments.config import Settings
from tests.support import answers, network, stack
from tests.support.shop import Shop

network.forbid_foreign_hosts()
answers.check_every_answer()

# What an example takes says how busy the machine is, nothing about the service.
hypothesis_settings.register_profile(
    "payments", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("payments")

# Tests of one part alone; the others meet the database and Redis in some way or other.
ALONE = ("unit/", "sandbox/", "simulation/")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--stack-only",
        action="store_true",
        help="leave out what uses neither database nor Redis: the same on every server",
    )


def pytest_report_header(config: pytest.Config) -> str | None:
    only = config.getoption("--stack-only")
    return f"left out: what uses no stack in tests/{' and tests/'.join(ALONE)}" if only else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--stack-only"):
        left_out = [item for item in items if not _uses_stack(item)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if _uses_stack(item)]


def _uses_stack(item: pytest.Item) -> bool:
    place = str(item.path.relative_to(Path(__file__).parent))
    used = {"database_url", "redis_url"} & set(getattr(item, "fixturenames", ()))
    return bool(used) or not place.startswith(ALONE)


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A Redis of the tests' own: the given server's spare database, or an embedded Valkey."""
    with stack.redis_server(os.environ.get("REDIS_URL")) as url:
        yield url


@pytest.fixture(scope="session")
def database_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A fresh, migrated database: a SQLite file, or a new database on the given server."""
    folder = tmp_path_factory.mktemp("db")
    with stack.database(os.environ.get("DATABASE_URL"), folder) as url:
        yield url


@pytest.fixture(scope="session")
def sandbox() -> Iterator[stack.Sandbox]:
    """The Stripe sandbox, served for the whole run."""
    server = stack.Sandbox(port=0)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="session")
def environment(
    redis_url: str, database_url: str, sandbox: stack.Sandbox, data_dir: Path
) -> dict[str, str]:
    """The environment variables of a process that belongs to this run."""
    return {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "DATA_DIR": str(data_dir),
        "STRIPE_API_BASE": sandbox.url,
        "STRIPE_SECRET_KEY": f"sk_test_{secrets.token_hex(12)}",
        "STRIPE_WEBHOOK_SECRET": f"whsec_{secrets.token_hex(16)}",
        "CHARGE_WAIT_SECONDS": "10",
        "WEB_THREADS": "16",
        "PASSWORD_HASHING_SLOTS": "16",
        "RATE_LIMIT": "1000000 per minute",
        "STRIPE_RATE_LIMIT_TEST": "1000000",
        "STRIPE_RATE_LIMIT_OPERATION": "1000000",
        "LOG_LEVEL": "WARNING",
    }


@pytest.fixture(scope="session")
def settings(environment: dict[str, str]) -> Settings:
    return stack.settings(environment)


@pytest.fixture(scope="session")
def app(settings: Settings, environment: dict[str, str]) -> Flask:
    """The app on a migrated and seeded database."""
    return stack.prepared_app(settings, environment)


@pytest.fixture(scope="session")
def worker(app: Flask, environment: dict[str, str]) -> Iterator[None]:
    """A real Celery worker on the run's Redis, in a thread of this process."""
    with stack.worker(app):
        yield


@pytest.fixture
def client(app: Flask, worker: None) -> FlaskClient:
    """HTTP to the app, with a worker that does what it enqueues."""
    return app.test_client()


@pytest.fixture
def shop(client: FlaskClient, settings: Settings) -> Iterator[Shop]:
    """The app and its Stripe account; faults that a test left behind are cleared."""
    held = Shop(client, settings)
    yield held
    held.control("DELETE", "faults")


@pytest.fixture
def context(app: Flask) -> Iterator[Flask]:
    """The app context, for tests that look into the database."""
    with app.app_context():
        yield app
