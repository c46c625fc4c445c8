"""Writes exceptions down without what databases repeat of the rows that they refuse."""

from __future__ import annotations

import traceback
from collections.abc import Iterator

# They quote rows and parameters after the first line, and whole texts of others.
_QUOTING = {"sqlalchemy", "psycopg", "sqlite3", "billiard"}
_CAUSE = "\nThe above exception was the direct cause of the following exception:\n\n"
_CONTEXT = "\nDuring handling of the above exception, another exception occurred:\n\n"
_MOST_LINKS = 10


def is_quoting(error: BaseException) -> bool:
    """Return whether the text of an exception may hold data: it is a database's, or quotes one."""
    return any(kind.__module__.split(".")[0] in _QUOTING for kind in type(error).__mro__)


def describe_error(error: BaseException) -> str:
    """Return the text of an exception; of a database's only what was wrong, with no value.

    PostgreSQL's primary message names the constraint; DETAIL and CONTEXT repeat the row.
    https://www.postgresql.org/docs/current/protocol-error-fields.html
    """
    if not is_quoting(error):
        return str(error)
    # `invalid input syntax for type uuid: "..."`
    return str(error).partition("\n")[0].partition(': "')[0]


def format_trace(error: BaseException) -> str:
    """Return the exception, the exceptions that led to it and their stacks, oldest first."""
    return "".join(_format_linked(error, set())).rstrip("\n")


def _format_linked(error: BaseException, seen: set[int]) -> Iterator[str]:
    seen.add(id(error))
    hidden = error.__suppress_context__
    earlier = error.__cause__ or (None if hidden else error.__context__)
    if earlier is not None and id(earlier) not in seen and len(seen) < _MOST_LINKS:
        yield from _format_linked(earlier, seen)
        yield _CAUSE if error.__cause__ is not None else _CONTEXT
    yield "Traceback (most recent call last):\n"
    yield from traceback.format_tb(error.__traceback__)
    yield f"{_name_type(error)}: {describe_error(error)}\n"
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions[:_MOST_LINKS]:
            yield from _format_linked(inner, seen)


def _name_type(error: BaseException) -> str:
    kind = type(error)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
