"""One account's Stripe objects: find, add, save and page through them, newest first."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass, field
from typing import Any

from .messages import Json

SELECT = "SELECT seq, kind, data, private FROM objects WHERE scope = ?"
# Ids of other objects by which lists are filtered; each has a column and an index of its own.
REFERENCES = ("customer", "payment_intent", "charge", "invoice")
COMPARISONS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


@dataclass
class Record:
    """An object as the API shows it, and what only the sandbox knows about it."""

    kind: str
    data: Json
    private: Json = field(default_factory=dict)
    seq: int = 0
    stored: str = "{}"  # the data as last stored, to tell what changed

    @property
    def id(self) -> str:
        return str(self.data["id"])

    def previous_attributes(self) -> Json:
        return changed(json.loads(self.stored), self.data)


def changed(old: Json, new: Json) -> Json:
    """What differs, with the old values: the `previous_attributes` of an event."""
    differing: Json = {}
    for key in {**old, **new}:
        before, after = old.get(key), new.get(key)
        if before == after:
            continue
        both = isinstance(before, dict) and isinstance(after, dict)
        differing[key] = changed(before, after) if both else before  # type: ignore[arg-type]
    return differing


@dataclass
class Window:
    """Which slice of a list is wanted."""

    limit: int = 10
    after: int | None = None  # older than this row
    before: int | None = None  # newer than this row
    created: Json | int | None = None


class Objects:
    def __init__(self, connection: sqlite3.Connection, scope: str) -> None:
        self._connection = connection
        self.scope = scope

    def add(self, kind: str, data: Json, private: Json | None = None) -> Record:
        record = Record(kind, data, private or {}, stored=json.dumps(data))
        cursor = self._connection.execute(
            "INSERT INTO objects (scope, kind, id, created, data, private, customer,"
            " payment_intent, charge, invoice) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                self.scope,
                kind,
                record.id,
                data.get("created", 0),
                record.stored,
                json.dumps(record.private),
                *_references(data),
            ),
        )
        record.seq = int(cursor.lastrowid or 0)
        return record

    def find(self, kind: str, object_id: str) -> Record | None:
        rows = self._select(" AND id = ? AND kind = ?", (object_id, kind))
        return rows[0] if rows else None

    def find_any(self, object_id: str) -> Record | None:
        rows = self._select(" AND id = ?", (object_id,))
        return rows[0] if rows else None

    def save(self, record: Record, *, deleted: bool = False) -> None:
        record.stored = json.dumps(record.data)
        self._connection.execute(
            "UPDATE objects SET data = ?, private = ?, deleted = ?, customer = ?,"
            " payment_intent = ?, charge = ?, invoice = ? WHERE seq = ?",
            (
                record.stored,
                json.dumps(record.private),
                int(deleted),
                *_references(record.data),
                record.seq,
            ),
        )

    def remove(self, record: Record) -> None:
        self._connection.execute("DELETE FROM objects WHERE seq = ?", (record.seq,))

    def all(self, kind: str, **equal: Any) -> list[Record]:
        where, values = _equalities(equal)
        return self._select(f" AND kind = ? AND deleted = 0{where} ORDER BY seq", (kind, *values))

    def newer_than(self, kind: str, seq: int) -> list[Record]:
        """Return what was added after the row `seq`, oldest first."""
        return self._select(" AND kind = ? AND seq > ? ORDER BY seq", (kind, seq))

    def page(self, kind: str, equal: Json, window: Window) -> tuple[list[Record], bool]:
        """One page, newest first, and whether more lies in the direction asked for."""
        where, values = _equalities(equal)
        bounds, limits = _bounds(window)
        order = "ASC" if window.before is not None else "DESC"
        clause = f" AND kind = ? AND deleted = 0{where}{bounds} ORDER BY seq {order} LIMIT ?"
        rows = self._select(clause, (kind, *values, *limits, window.limit + 1))
        found = rows[: window.limit]
        if window.before is not None:
            found.reverse()
        return found, len(rows) > window.limit

    def _select(self, clause: str, values: tuple[Any, ...]) -> list[Record]:
        rows = self._connection.execute(SELECT + clause, (self.scope, *values))
        return [_record(*row) for row in rows]


def _record(seq: int, kind: str, data: str, private: str) -> Record:
    return Record(kind, json.loads(data), json.loads(private), seq, data)


def _references(data: Json) -> list[str | None]:
    values = (data.get(name) for name in REFERENCES)
    return [value if isinstance(value, str) else None for value in values]


def _equalities(equal: Json) -> tuple[str, list[Any]]:
    """Field names come from route tables, never from a request; values are bound."""
    where, values = "", []
    for name, value in equal.items():
        field = name if name in REFERENCES else f"json_extract(data, '$.{name}')"
        if isinstance(value, list):
            where += f" AND {field} IN ({', '.join('?' * len(value))})"
            values.extend(value)
        elif value is None:
            where += f" AND {field} IS NULL"
        else:
            where += f" AND {field} = ?"
            values.append(value)
    return where, values


def _bounds(window: Window) -> tuple[str, list[int]]:
    where, values = "", []
    if window.after is not None:
        where, values = " AND seq < ?", [window.after]
    elif window.before is not None:
        where, values = " AND seq > ?", [window.before]
    created = window.created if isinstance(window.created, dict) else {}
    for name, number in created.items():
        where += f" AND created {COMPARISONS[name]} ?"
        values.append(number)
    if isinstance(window.created, int):
        where += " AND created = ?"
        values.append(window.created)
    return where, values
