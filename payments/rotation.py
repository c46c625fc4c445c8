"""Seals every secret column anew with the first of CREDENTIALS_KEYS, so that the others may go.

First put the new key in front in every process, then rotate, then take the old key away: at no
moment is there a text that a running process cannot open. What a former release sealed, which bound
it to less, is bound anew by the same run.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from payments.extensions import sealer, settings
from payments.idempotency.models import IdempotentRequest
from payments.kit.crypto import Sealer, Unsealable
from payments.kit.sealed_columns import name_former_place, name_place, seal_column
from payments.kit.transactions import transaction
from payments.projects import sealing
from payments.projects.models import StripeCredentials
from payments.users.models import SecondFactor

log = logging.getLogger(__name__)

# Every sealed column of the service; what binds its texts is named in `SEALED_WITH` of the model.
COLUMNS: dict[Any, tuple[str, ...]] = {
    StripeCredentials: sealing.SEALED,
    IdempotentRequest: ("answer",),
    SecondFactor: ("secret",),
}
BATCH = 200


@dataclass
class Report:
    """How many sealed texts were sealed anew, were right already, or open with no key."""

    renewed: int = 0
    current: int = 0
    unreadable: int = 0


def rotate(*, batch: int = BATCH) -> Report:
    """Renew what is not sealed with the first key, a batch a transaction.

    Interrupted, it has done whole batches; repeated, it finds them done.
    """
    report = Report()
    for model, columns in COLUMNS.items():
        last: Any = None
        while ids := _batch(model, columns, last, batch, report):
            last = ids[-1]
    return report


def _batch(
    model: Any, columns: tuple[str, ...], last: Any, size: int, report: Report
) -> Sequence[Any]:
    """Renew the next rows after `last`; their ids."""
    query = sa.select(model).order_by(model.id).limit(size).with_for_update()
    if last is not None:
        query = query.where(model.id > last)
    with transaction() as session:
        rows = list(session.scalars(query))
        for row in rows:
            for column, sealed in _sealed(row, columns):
                _renew(row, column, sealed, report)
        return [row.id for row in rows]


def _sealed(row: Any, columns: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for column in columns:
        if (sealed := getattr(row, column)) is not None:
            yield column, sealed


def _renew(row: Any, column: str, sealed: str, report: Report) -> None:
    place, former = name_place(row, column), name_former_place(row, column)
    if _open(Sealer(settings().credentials_keys[:1]), sealed, place) is not None:
        report.current += 1
        return
    plain = _open(sealer(), sealed, place, former)
    if plain is None:
        log.error("no key opens %s", former)
        report.unreadable += 1
        return
    seal_column(sealer(), row, column, plain)
    report.renewed += 1


def can_open(keys: Sealer, row: Any, column: str) -> bool:
    """Return whether one of these keys opens what is sealed in a column of the row."""
    place, former = name_place(row, column), name_former_place(row, column)
    return _open(keys, getattr(row, column), place, former) is not None


def _open(keys: Sealer, sealed: str, place: str, former: str | None = None) -> str | None:
    try:
        return keys.open(sealed, place=place, former_place=former)
    except Unsealable:
        return None
