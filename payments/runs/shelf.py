"""Looking at runs from outside: an account's list, one run, and what it found."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from payments.kit.db import db
from payments.runs.models import Drift, ReconciliationRun

# Beyond this no table has rows, and no database takes the offset.
_LARGEST_OFFSET = 2**62
_MODES = {None: None, True: "test", False: "live"}


def page(
    owner: str,
    *,
    kind: str | None = None,
    state: str | None = None,
    test_mode: bool | None = None,
    page: int = 1,
    page_size: int = 50,
) -> tuple[list[ReconciliationRun], int]:
    """Return a page of an owner's runs, the newest first, and how many there are."""
    wanted = {"owner": owner, "kind": kind, "state": state, "mode": _MODES[test_mode]}
    where = [getattr(ReconciliationRun, name) == value for name, value in wanted.items() if value]
    return _page(ReconciliationRun, where, ReconciliationRun.id.desc(), page, page_size)


def drifts(
    owner: str, run_id: int, *, page: int = 1, page_size: int = 50
) -> tuple[list[Drift], int]:
    """Return a page of what a run found, in the order in which it was found."""
    where = [Drift.owner == owner, Drift.run_id == run_id]
    return _page(Drift, where, Drift.id, page, page_size)


def find(owner: str, run_id: int) -> ReconciliationRun | None:
    """Return the owner's run of that id, as it stands now."""
    query = sa.select(ReconciliationRun).where(
        ReconciliationRun.id == run_id, ReconciliationRun.owner == owner
    )
    found = db.session.scalars(query.execution_options(populate_existing=True))
    return found.one_or_none()


def _page(
    model: Any, where: list[Any], order: Any, page: int, page_size: int
) -> tuple[list[Any], int]:
    total = db.session.scalar(sa.select(sa.func.count()).select_from(model).where(*where))
    query = sa.select(model).where(*where).order_by(order).limit(page_size)
    offset = min((page - 1) * page_size, _LARGEST_OFFSET)
    return list(db.session.scalars(query.offset(offset))), total or 0
