"""Says in one line which of the two servers is missing, before a suite fails a hundred times."""

from __future__ import annotations

import os
import sys

import sqlalchemy as sa
from redis import Redis

from payments.kit.db import normalize_url

EXAMPLES = {
    "DATABASE_URL": "postgres://postgres@127.0.0.1:5432/postgres",
    "REDIS_URL": "redis://127.0.0.1:6379",
}


def fault() -> str | None:
    """Return what is wrong with the servers that the environment names."""
    for name, example in EXAMPLES.items():
        if not os.environ.get(name):
            return f"{name} is not set; for example {name}={example}"
    if not os.environ["DATABASE_URL"].startswith("postgres"):
        return "DATABASE_URL must be a PostgreSQL address here"
    return _database_fault(os.environ["DATABASE_URL"]) or _redis_fault(os.environ["REDIS_URL"])


def _database_fault(url: str) -> str | None:
    engine = sa.create_engine(normalize_url(url), connect_args={"connect_timeout": 5})
    try:
        with engine.connect():
            return None
    except sa.exc.SQLAlchemyError as error:
        return f"PostgreSQL at DATABASE_URL is not reachable: {_first_line(error)}"
    finally:
        engine.dispose()


def _redis_fault(url: str) -> str | None:
    client = Redis.from_url(url, socket_connect_timeout=5)
    try:
        client.ping()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told
        return f"Redis at REDIS_URL is not reachable: {_first_line(error)}"
    finally:
        client.close()
    return None


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]


if __name__ == "__main__":
    why = fault()
    if why:
        print(f"payments: {why}", file=sys.stderr)
    sys.exit(1 if why else 0)
