"""Insert a row and let the unique index, not an earlier look, say whether it is the first."""

from __future__ import annotations

from sqlalchemy.exc import IntegrityError

from payments.kit.db import Base, db

_POSTGRES_UNIQUE = "23505"  # https://www.postgresql.org/docs/current/errcodes-appendix.html
_SQLITE_UNIQUE = {"SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"}


def inserted(row: Base) -> bool:
    """Insert the row in a savepoint; False when another one already has its unique value.

    The caller's transaction stays usable either way.
    """
    try:
        with db.session.begin_nested():
            db.session.add(row)
    except IntegrityError as error:
        if not is_duplicate(error):
            raise
        return False
    return True


def is_duplicate(error: IntegrityError) -> bool:
    """Tell a broken unique index from every other broken constraint."""
    if getattr(error.orig, "sqlstate", None) == _POSTGRES_UNIQUE:
        return True
    return getattr(error.orig, "sqlite_errorname", "") in _SQLITE_UNIQUE
