"""Whether the keys of CREDENTIALS_KEYS open what is sealed: all of it, or a sample at any time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from payments.extensions import sealer, settings
from payments.kit.crypto import Sealer
from payments.kit.db import db
from payments.rotation import COLUMNS, can_open

BATCH = 500


@dataclass
class TextCount:
    """How many texts open with the first key, with a later one only, or with none."""

    current: int = 0
    former: int = 0
    unreadable: int = 0


def count_sealed_texts() -> dict[str, TextCount]:
    """Return the count of every table with sealed columns; it opens each text and changes none."""
    return {model.__tablename__: _count_table(model, columns) for model, columns in COLUMNS.items()}


def _count_table(model: Any, columns: tuple[str, ...]) -> TextCount:
    first, count = Sealer(settings().credentials_keys[:1]), TextCount()
    for row in db.session.scalars(sa.select(model).execution_options(yield_per=BATCH)):
        for column in columns:
            if getattr(row, column) is None:
                continue
            if can_open(first, row, column):
                count.current += 1
            elif can_open(sealer(), row, column):
                count.former += 1
            else:
                count.unreadable += 1
    return count


def count_unreadable_samples() -> dict[str, int]:
    """Return how many texts of each table's first and last sealed rows open with no key.

    Two rows by their primary key are found at once however large the table is. A key that is wrong
    opens neither; one that was taken away too early does not open the first.
    """
    return {
        model.__tablename__: sum(
            not can_open(sealer(), row, column)
            for row in _sample(model, columns)
            for column in columns
            if getattr(row, column) is not None
        )
        for model, columns in COLUMNS.items()
    }


def _sample(model: Any, columns: tuple[str, ...]) -> Iterator[Any]:
    sealed = sa.or_(*(getattr(model, column).is_not(None) for column in columns))
    for order in (model.id, model.id.desc()):
        query = sa.select(model).where(sealed).order_by(order).limit(1)
        yield from db.session.scalars(query.execution_options(populate_existing=True))
