"""A database that cannot answer now is told from a statement that is wrong."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, NoResultFound, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from payments.kit.database_errors import is_database_unavailable


def fail_on(url: str, statement: str) -> DBAPIError:
    engine = sa.create_engine(url, connect_args={"timeout": 0.05})
    with engine.connect() as connection, pytest.raises(DBAPIError) as raised:
        connection.execute(sa.text(statement))
    engine.dispose()
    return raised.value


def wrap(error: psycopg.Error) -> DBAPIError:
    return OperationalError("SELECT 1", {}, error)


def test_a_locked_sqlite_is_unavailable(sqlite: Path) -> None:
    with sqlite3.connect(sqlite, isolation_level=None) as other:
        other.execute("CREATE TABLE things (id INTEGER)")
        other.execute("BEGIN EXCLUSIVE")
        error = fail_on(f"sqlite:///{sqlite}", "INSERT INTO things VALUES (1)")
        other.execute("ROLLBACK")
    other.close()
    assert is_database_unavailable(error)


def test_a_table_that_is_missing_in_sqlite_is_a_bug(sqlite: Path) -> None:
    assert not is_database_unavailable(fail_on(f"sqlite:///{sqlite}", "SELECT * FROM things"))


@pytest.mark.parametrize(
    "error",
    [
        psycopg.errors.LockNotAvailable(),
        psycopg.errors.QueryCanceled(),
        psycopg.errors.IdleInTransactionSessionTimeout(),
        psycopg.errors.AdminShutdown(),
        psycopg.errors.ConnectionFailure(),
        psycopg.errors.TooManyConnections(),
        psycopg.OperationalError("no answer"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_ended_waits_and_lost_connections_are_unavailable(error: psycopg.Error) -> None:
    assert is_database_unavailable(wrap(error))


@pytest.mark.parametrize(
    "error",
    [psycopg.errors.UndefinedTable(), psycopg.errors.DiskFull(), psycopg.errors.UniqueViolation()],
    ids=lambda error: type(error).__name__,
)
def test_other_states_are_not(error: psycopg.Error) -> None:
    assert not is_database_unavailable(wrap(error))


def test_a_pool_that_is_used_up_is_unavailable() -> None:
    assert is_database_unavailable(PoolTimeout("QueuePool limit reached"))


def test_what_was_not_found_is_no_outage() -> None:
    assert not is_database_unavailable(NoResultFound())
