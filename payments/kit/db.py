"""The database handle, the base of all models and the column types that both engines share."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event
from sqlalchemy.engine import Connection, Dialect, Engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from payments.kit import clock
from payments.kit.database_clock import DatabaseNow
from payments.kit.postgres import DEFAULT_BOUNDS, DatabaseBounds, bound_answers, connect_arguments

# Constraints get names by rule, so that a migration can drop what another one made.
NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

# SQLite only numbers rows by itself for INTEGER keys.
BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


class UTCDateTime(sa.types.TypeDecorator[datetime]):
    """An aware UTC moment on every engine; a naive one is refused instead of guessed."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a stored moment needs a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """The base of every model: one metadata for the whole service."""

    metadata = sa.MetaData(naming_convention=NAMING)
    type_annotation_map = {datetime: UTCDateTime(), dict[str, Any]: sa.JSON()}  # noqa: RUF012

    def __repr__(self) -> str:
        """Name the row by its key only: a repr must never show a column that may be secret."""
        key = sa.inspect(self).identity
        return f"<{type(self).__name__} {key[0] if key else 'new'}>"


class Stamped:
    """When a row was made and last changed (UTC)."""

    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(default=clock.now, onupdate=clock.now)


class Leased:
    """A unit of work that one worker at a time may hold: see `kit.leases`.

    `fence` grows with every claim, so that a holder whose lease lapsed can be told apart.
    `throttled` counts the times in a row that Stripe had no room for us: they use up no `tries`.
    """

    tries: Mapped[int] = mapped_column(default=0)
    throttled: Mapped[int] = mapped_column(default=0)
    fence: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime] = mapped_column(default=DatabaseNow())
    leased_until: Mapped[datetime | None]


db = SQLAlchemy(metadata=Base.metadata)


def normalize_url(url: str) -> str:
    """Understand Heroku's `postgres://` and pick the psycopg 3 driver."""
    return re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql+psycopg://", url)


def engine_options(url: str, bounds: DatabaseBounds = DEFAULT_BOUNDS) -> dict[str, Any]:
    """Return the pool settings that suit the engine, with a bound on every wait.

    Statements are logged, and told by errors, without their parameters.
    https://docs.sqlalchemy.org/en/20/core/engines.html#sqlalchemy.create_engine.params.hide_parameters
    """
    if url.startswith("sqlite"):
        # Writers queue up on SQLite's own lock: wait for it instead of failing.
        return {
            "hide_parameters": True,
            "connect_args": {"timeout": 30, "check_same_thread": False},
        }
    # The connection was made long ago when a request comes: test it before use.
    return {
        "hide_parameters": True,
        "pool_size": 10,
        "max_overflow": 10,
        "pool_pre_ping": True,
        "pool_recycle": 1800,
        "pool_timeout": bounds.pool or None,
        "connect_args": connect_arguments(url, bounds),
    }


def prepare_engine(app: Flask, bounds: DatabaseBounds = DEFAULT_BOUNDS) -> None:
    """Teach the app's SQLite engine real transactions, and a PostgreSQL one to give up waiting."""
    with app.app_context():
        engine = db.engine
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _on_sqlite_connect)
        event.listen(engine, "begin", _on_sqlite_begin)
    else:
        bound_answers(engine, bounds.answer)


def _on_sqlite_connect(connection: Any, _record: Any) -> None:
    # The driver's own BEGIN comes too late for a consistent read: we send it ourselves.
    # https://docs.sqlalchemy.org/en/20/dialects/sqlite.html#pysqlite-serializable
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}")


def _on_sqlite_begin(connection: Connection) -> None:
    # A writer takes the lock at the start: upgrading a read later may fail with "locked".
    kind = connection.get_execution_options().get("begin", "DEFERRED")
    connection.exec_driver_sql(f"BEGIN {kind}")


def is_sqlite(engine: Engine | Connection) -> bool:
    """Tell the embedded engine from a server."""
    return engine.dialect.name == "sqlite"
