"""Repeats a unit of work that the database undid for no fault of its own: a bounded few times."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from sqlalchemy.exc import DBAPIError

from payments.kit import clock

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

# Serialization failure and deadlock: PostgreSQL has rolled everything back and says, try again.
# https://www.postgresql.org/docs/current/mvcc-serialization-failure-handling.html
AGAIN = frozenset({"40001", "40P01"})
MOST = 4
_WAIT_MS = 20


def repeated(unit: Callable[P, T]) -> Callable[P, T]:
    """Run a function that is one whole transaction again when it was chosen as a victim.

    Nothing of the lost run remains, hooks included, so the next one starts from the rows as they
    are. A lost connection is not repeated: whether its commit went through is not known, and the
    row's own due time brings the work back.
    """

    @wraps(unit)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        for count in range(1, MOST):
            try:
                return unit(*args, **kwargs)
            except DBAPIError as error:
                if (state := _state(error)) not in AGAIN:
                    raise
                log.warning("%s was undone (%s) and is repeated", unit.__qualname__, state)
            _wait(count)
        return unit(*args, **kwargs)

    return run


def _state(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)


def _wait(count: int) -> None:
    # Doubling, with jitter: two that met once should not meet again.
    clock.pause((_WAIT_MS << count) * (50 + secrets.randbelow(101)) / 100_000)
