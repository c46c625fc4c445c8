"""The only place that commits: a unit of work begins and ends here."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from payments.kit.db import db

log = logging.getLogger(__name__)

_HOOKS = "after_commit_hooks"


class NestedTransaction(RuntimeError):
    """A transaction was opened inside another one: the outer commit would be a lie."""


@contextmanager
def transaction() -> Iterator[Session]:
    """Run the block as one write transaction: commit at its end, roll back on any error.

    An open read is ended first, so that the block sees the present and, on SQLite, holds the
    write lock from its start. Functions given to `after_commit` run once the commit is done.
    """
    session = db.session()
    if session.info.get(_HOOKS) is not None:
        raise NestedTransaction
    session.rollback()
    session.info[_HOOKS] = []
    try:
        session.connection(execution_options={"begin": "IMMEDIATE"})
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        session.info[_HOOKS] = None
        raise
    hooks: list[Callable[[], object]] = session.info[_HOOKS]
    session.info[_HOOKS] = None
    _run(hooks)


def demand_transaction() -> None:
    """Raise RuntimeError outside of a transaction(): a write there would be lost in silence."""
    if db.session().info.get(_HOOKS) is None:
        raise RuntimeError("this needs an open transaction()")


def after_commit(hook: Callable[[], object]) -> None:
    """Run `hook` once the present transaction is committed; never if it rolls back."""
    hooks = db.session().info.get(_HOOKS)
    if hooks is None:
        raise RuntimeError("after_commit needs an open transaction()")
    hooks.append(hook)


def end_read() -> None:
    """Give the connection back before a slow call: no transaction stays open meanwhile."""
    if db.session().info.get(_HOOKS) is not None:
        raise NestedTransaction
    db.session.remove()


def _run(hooks: list[Callable[[], object]]) -> None:
    for hook in hooks:
        try:
            hook()
        except Exception:
            # What was committed is true; the sweep makes up for a wake-up that failed.
            log.exception("a hook after the commit failed")
