"""Which tables hold rows of a person, and what becomes of these when the person is erased.

A table belongs to a person by a column `user_id`, or by an address in `email` or `recipient`. Its
rows are deleted unless it stands below: a new table of sessions, factors or mails needs no line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from payments.auth.models import User
from payments.kit import clock
from payments.kit.db import Base, db

# The law has these kept: bookkeeping (GDPR article 17(3)(b)). They name the person by number only,
# and the account of that number names nobody any more.
KEPT = {
    "subscriptions": "what was sold",
    "payments": "what was paid",
    "stripe_customers": "whose payment a refund or dispute that comes later is about",
}

ADDRESSES = ("email", "recipient")
# Shown to nobody: they would let somebody in.
_SECRET = re.compile(r"hash|secret|seal|token|fingerprint|recovery|^answer$|^key$")


def list_tables_of_users() -> list[sa.Table]:
    """Return the tables with a `user_id`, those that refer to others first."""
    tables = reversed(Base.metadata.sorted_tables)
    return [table for table in tables if "user_id" in table.c]


def list_tables_of_addresses() -> list[tuple[sa.Table, str]]:
    """Return the tables that hold addresses, with the column's name; accounts are none of them."""
    return [
        (table, name)
        for table in reversed(Base.metadata.sorted_tables)
        for name in ADDRESSES
        if name in table.c and table.name != User.__tablename__
    ]


def export_rows(table: sa.Table, *conditions: sa.ColumnElement[bool]) -> list[dict[str, Any]]:
    """Return rows as they may be shown to whom they are about, without hashes and secrets."""
    shown = [column for column in table.c if not _SECRET.search(column.name)]
    rows = db.session.execute(sa.select(*shown).where(*conditions).order_by(*table.primary_key))
    return [{name: _write(value) for name, value in row._mapping.items()} for row in rows]


def delete_rows(user_ids: Sequence[int], address: str, project_id: str | None) -> dict[str, int]:
    """Delete what belongs to these users and this address; return how many rows, by table.

    With a project only that project's addresses count.
    """
    gone: dict[str, int] = {}
    for table, where in _select_deletable(user_ids, address, project_id):
        result: Any = db.session.execute(sa.delete(table).where(where))
        gone[table.name] = gone.get(table.name, 0) + result.rowcount
    return gone


def count_rows(user_ids: Sequence[int], address: str, project_id: str | None) -> dict[str, int]:
    """Return how many rows `delete_rows` would delete, by table."""
    found: dict[str, int] = {}
    for table, where in _select_deletable(user_ids, address, project_id):
        number = db.session.scalar(sa.select(sa.func.count()).select_from(table).where(where))
        found[table.name] = found.get(table.name, 0) + (number or 0)
    return found


def _select_deletable(
    user_ids: Sequence[int], address: str, project_id: str | None
) -> Iterator[tuple[sa.Table, sa.ColumnElement[bool]]]:
    for table in list_tables_of_users():
        if table.name not in KEPT:
            yield table, table.c.user_id.in_(user_ids)
    for table, name in list_tables_of_addresses():
        is_theirs = sa.func.lower(table.c[name]) == address
        if project_id is None:
            yield table, is_theirs
        elif "project_id" in table.c:
            yield table, sa.and_(is_theirs, table.c.project_id == project_id)


def _write(value: Any) -> Any:
    return clock.iso_millis(value) if isinstance(value, datetime) else value
