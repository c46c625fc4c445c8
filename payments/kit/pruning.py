"""Deletes rows that are too old, a small batch a transaction."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from payments.kit.transactions import transaction


def delete_oldest(
    model: Any,
    made: Any,
    *,
    before: datetime,
    limit: int,
    prepare: Callable[[Session], object] | None = None,
) -> int:
    """Delete those of the `limit` rows with the lowest ids that were made `before`.

    Return how many. Rows are numbered in the order in which they were made, so that finding
    nothing costs next to nothing and no index is needed. `prepare` runs first, in the same
    transaction.
    """
    lowest = sa.select(model.id, made).order_by(model.id).limit(limit)
    with transaction() as session:
        if prepare is not None:
            prepare(session)
        ids = [row_id for row_id, moment in session.execute(lowest) if moment < before]
        gone = sa.delete(model).where(model.id.in_(ids))
        session.execute(gone.execution_options(synchronize_session=False))
    return len(ids)
