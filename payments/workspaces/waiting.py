"""The bounded wait of a request for its charge or refund, which a worker does and announces."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from payments import jobs
from payments.extensions import settings
from payments.kit.db import db
from payments.workspaces.models import Charge, Refund
from payments.workspaces.models.charges import PENDING

Work = TypeVar("Work", Charge, Refund)


def follow(model: type[Work], row_id: int, start: Callable[[], bool], *, wait: bool) -> Work:
    """Start the work and wait a while for what becomes of it; without `wait` only start it."""
    if wait:
        seconds = settings().charge_wait_seconds
        place = channel(model, row_id)
        jobs.wait_for(place, lambda: _settled(model, row_id), start=start, seconds=seconds)
    else:
        start()
    return current(model, row_id)


def announce(model: type[Work], row_id: int) -> None:
    """Tell the request that waits for this row; call it after the commit."""
    jobs.announce(channel(model, row_id))


def channel(model: type[Work], row_id: int) -> str:
    """Name the channel on which the row's outcome is announced."""
    return f"{model.key_prefix}:{row_id}"


def current(model: type[Work], row_id: int) -> Work:
    """Return the row as the database has it now."""
    db.session.rollback()
    return db.session.get_one(model, row_id, populate_existing=True)


def _settled(model: type[Work], row_id: int) -> Work | None:
    row = current(model, row_id)
    if row.status != PENDING:
        return row
    db.session.rollback()  # no read stays open while we wait
    return None
