"""Tells a database that cannot answer now from a statement that is wrong."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_STATES = frozenset(
    {
        "55P03",  # lock_not_available: lock_timeout
        "57014",  # query_canceled: statement_timeout
        "25P03",  # idle_in_transaction_session_timeout
        "57P01",  # admin_shutdown
        "57P02",  # crash_shutdown
        "57P03",  # cannot_connect_now
        "53300",  # too_many_connections
    }
)
_CONNECTION_CLASS = "08"
_SQLITE_LOCKED = ("SQLITE_BUSY", "SQLITE_LOCKED")


def is_database_unavailable(error: SQLAlchemyError) -> bool:
    """Return whether the same work may succeed in a moment: a wait that ended, a lost connection.

    What had been done in the transaction is undone; of a COMMIT that was under way it is unknown.
    """
    if isinstance(error, PoolTimeout):
        return True
    if not isinstance(error, DBAPIError):
        return False
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return state in _STATES or state.startswith(_CONNECTION_CLASS)
    return error.connection_invalidated or _has_no_answer(error)


def _has_no_answer(error: DBAPIError) -> bool:
    """Return whether SQLite was locked, or psycopg failed without a word from the server."""
    name = getattr(error.orig, "sqlite_errorname", None)
    if name is not None:
        return str(name).startswith(_SQLITE_LOCKED)
    return isinstance(error, OperationalError)
