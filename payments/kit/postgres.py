"""Bounds for every wait on PostgreSQL: its own time-outs, TCP's, and one on our side.

The server cannot end a wait when it is the server, or the way to it, that went silent: a proxy may
go on taking bytes and forward none. So the client gives up by itself as well.

https://www.postgresql.org/docs/current/runtime-config-client.html
https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import psycopg
import sqlalchemy as sa
from psycopg.abc import PQGen
from psycopg.rows import TupleRow

T = TypeVar("T")

CONNECT_SECONDS = 5
# How often psycopg looks up from its wait, as it does by itself.
_LOOK_SECONDS = 0.1
# A connection whose other end is gone is noticed within 10 + 3 * 5 seconds while it is silent, and
# within 20 while something that was sent is not acknowledged.
_TCP: dict[str, Any] = {
    "connect_timeout": CONNECT_SECONDS,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}


@dataclass(frozen=True)
class DatabaseBounds:
    """How long the database may keep anybody waiting, in seconds; 0 leaves a bound out.

    The first three are the server's (`lock_timeout`, `statement_timeout`,
    `idle_in_transaction_session_timeout`). `answer` is the client's own and should be longer than
    `statement`; `pool` is the wait for a free connection.
    """

    lock: float = 5
    statement: float = 20
    idle: float = 15
    answer: float = 25
    pool: float = 10


DEFAULT_BOUNDS = DatabaseBounds()


class BoundedConnection(psycopg.Connection[TupleRow]):
    """A connection that gives up on an answer after `answer_seconds`, and is closed then."""

    answer_seconds: float | None = None

    def wait(
        self, gen: PQGen[T], interval: float = _LOOK_SECONDS, timeout: float | None = None
    ) -> T:
        """Wait as psycopg does; raise OperationalError when no answer comes in time."""
        if timeout is not None or self.answer_seconds is None:
            return super().wait(gen, interval=interval, timeout=timeout)
        try:
            return super().wait(gen, interval=interval, timeout=self.answer_seconds)
        except psycopg.errors._WaitTimeout as late:
            # Whatever comes on this connection later would be taken for another answer.
            self.pgconn.finish()
            raise psycopg.OperationalError(
                f"no answer from the database within {self.answer_seconds:g} s"
            ) from late


def connect_arguments(url: str, bounds: DatabaseBounds) -> dict[str, Any]:
    """Return libpq's parameters; `options` that the address has already stay in force."""
    named = {
        "lock_timeout": bounds.lock,
        "statement_timeout": bounds.statement,
        "idle_in_transaction_session_timeout": bounds.idle,
    }
    settings = [f"-c {name}={round(value * 1000)}" for name, value in named.items() if value]
    given = sa.make_url(url).query.get("options", ())
    options = " ".join([*settings, *([given] if isinstance(given, str) else given)])
    return {**_TCP, **({"options": options} if options else {})}


def bound_answers(engine: sa.Engine, seconds: float) -> None:
    """Let every new connection of the engine give up on an answer after `seconds`, unless 0."""

    @sa.event.listens_for(engine, "do_connect")
    def connect(_dialect: Any, _record: Any, given: Any, named: Any) -> BoundedConnection:
        connection = BoundedConnection.connect(*given, **named)
        connection.answer_seconds = seconds or None
        return connection


def lift_bounds(connection: sa.Connection) -> None:
    """Let this connection wait without end, as a migration may have to; the pool never sees it.

    The caller commits, so that the settings stay in force.
    """
    driver = connection.connection.driver_connection
    connection.detach()
    if isinstance(driver, BoundedConnection):
        driver.answer_seconds = None
    for name in ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout"):
        connection.exec_driver_sql(f"SET {name} = 0")
