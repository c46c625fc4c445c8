"""Deletes rows that are too old, a small batch a transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from payments.kit.transactions import transaction


def delete_oldest(model: Any, made: Any, *, before: datetime, limit: int) -> int:
    """Delete those of the `limit` rows with the lowest ids that were made `before`.

    Return how many. Rows are numbered in the order in which they were made, so that finding
    nothing costs next to nothing and no index is needed.
    """
    lowest = sa.select(model.id, made).order_by(model.id).limit(limit)
    with transaction() as session:
        ids = [row_id for row_id, moment in session.execute(lowest) if moment < before]
        gone = sa.delete(model).where(model.id.in_(ids))
        session.execute(gone.execution_options(synchronize_session=False))
    return len(ids)
