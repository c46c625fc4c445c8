"""Sealed columns: what a text is bound to, so that one that was moved does not open.

A model names the columns that say whose its row is in `SEALED_WITH`; a text that somebody copies
to another row, column or table, or whose row is given to another tenant, is as good as lost.
"""

from __future__ import annotations

import json
from typing import Any

from payments.kit.crypto import Sealer


def name_place(row: Any, column: str) -> str:
    """Return where a sealed text stands: table, column, row, and whose the row is."""
    owner = {name: getattr(row, name) for name in getattr(row, "SEALED_WITH", ())}
    place = name_former_place(row, column)
    return f"{place} {json.dumps(owner, sort_keys=True)}" if owner else place


def name_former_place(row: Any, column: str) -> str:
    """Return the place as former releases named it: table, column and row."""
    return f"{row.__tablename__}.{column}.{row.id}"


def seal_column(sealer: Sealer, row: Any, column: str, plain: str) -> None:
    """Seal a text into a column; the row must have its id and its owner already."""
    setattr(row, column, sealer.seal(plain, place=name_place(row, column)))


def open_column(sealer: Sealer, row: Any, column: str) -> str | None:
    """Return the text of a sealed column, None when it is empty; raise Unsealable."""
    sealed: str | None = getattr(row, column)
    if sealed is None:
        return None
    place, former = name_place(row, column), name_former_place(row, column)
    return sealer.open(sealed, place=place, former_place=former)
