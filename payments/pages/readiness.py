"""Whether each part that a request depends on would answer at this moment."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import current_app
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from payments import sealed_texts
from payments.extensions import redis
from payments.kit import clock
from payments.kit.db import db
from payments.kit.redis_client import tell_reason
from payments.workspaces.rosters import find_free_plan

OK = "ok"

# A worker renews this key; it lapses by itself when no worker does.
HEARTBEAT_KEY = "payments:worker:heartbeat"
HEARTBEAT_SECONDS = 60

# Rows are read and decrypted for it, and a probe comes every few seconds.
SAMPLED_FOR = 10
_SAMPLE = "payments.readiness.credentials"


def parts() -> dict[str, str]:
    """Return the state of every part: `ok`, or what is wrong with it."""
    return {name: look() for name, look in _LOOKS.items()}


def _database() -> str:
    try:
        db.session.execute(sa.text("SELECT 1"))
    except SQLAlchemyError:
        db.session.rollback()
        return "unreachable"
    return OK


def _migrations() -> str:
    try:
        applied = MigrationContext.configure(db.session.connection()).get_current_heads()
    except SQLAlchemyError:
        db.session.rollback()
        return "unknown"
    return OK if set(applied) == _heads(_folder()) else "not at head"


def _redis() -> str:
    try:
        redis().ping()
    except RedisError as error:
        return f"unreachable: {tell_reason(error)}"
    return OK


def _worker() -> str:
    try:
        left = redis().ttl(HEARTBEAT_KEY)
    except RedisError:
        return "unknown"
    # A key without an end (-1) was not left by a worker of ours.
    return OK if 0 <= int(str(left)) <= HEARTBEAT_SECONDS else "no heartbeat"


def _plans() -> str:
    """Without a free plan nobody can sign up: `flask seed` or `flask plans import` makes it."""
    try:
        return OK if find_free_plan() else "missing"
    except SQLAlchemyError:
        db.session.rollback()
        return "unknown"


def _credentials() -> str:
    """Return whether sealed texts open, as it was found in the last SAMPLED_FOR seconds."""
    until, state = current_app.extensions.get(_SAMPLE, (0.0, ""))
    if clock.monotonic() >= until:
        state = _sample_credentials()
        current_app.extensions[_SAMPLE] = (clock.monotonic() + SAMPLED_FOR, state)
    return str(state)


def _sample_credentials() -> str:
    try:
        unreadable = sum(sealed_texts.count_unreadable_samples().values())
    except SQLAlchemyError:
        db.session.rollback()
        return "unknown"
    return "unreadable" if unreadable else OK


def _folder() -> str:
    return str(current_app.extensions["migrate"].directory)


@cache
def _heads(folder: str) -> frozenset[str]:
    # The files do not change while a process runs, and reading them is slow.
    return frozenset(ScriptDirectory(folder).get_heads())


_LOOKS: dict[str, Callable[[], str]] = {
    "database": _database,
    "migrations": _migrations,
    "plans": _plans,
    "credentials": _credentials,
    "redis": _redis,
    "worker": _worker,
}
