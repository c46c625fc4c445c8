"""Everything the sandbox remembers, in one SQLite file that one process owns."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .clock import Clocks
from .objects import Objects

TABLES = """
CREATE TABLE IF NOT EXISTS objects (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    scope TEXT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    created INTEGER NOT NULL,
    deleted INTEGER NOT NULL DEFAULT 0,
    data TEXT NOT NULL,
    private TEXT NOT NULL,
    UNIQUE (id, scope)
);
CREATE INDEX IF NOT EXISTS objects_by_kind ON objects (scope, kind, seq);
CREATE INDEX IF NOT EXISTS objects_by_customer
    ON objects (scope, kind, json_extract(data, '$.customer'), seq);
CREATE INDEX IF NOT EXISTS objects_by_payment_intent
    ON objects (scope, kind, json_extract(data, '$.payment_intent'), seq);
CREATE INDEX IF NOT EXISTS objects_by_charge
    ON objects (scope, kind, json_extract(data, '$.charge'), seq);
CREATE TABLE IF NOT EXISTS idempotency (
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    status INTEGER NOT NULL,
    body BLOB NOT NULL,
    request_id TEXT NOT NULL,
    created INTEGER NOT NULL,
    PRIMARY KEY (scope, key)
);
CREATE TABLE IF NOT EXISTS clocks (scope TEXT PRIMARY KEY, ahead INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS jobs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    scope TEXT NOT NULL,
    due INTEGER NOT NULL,
    name TEXT NOT NULL,
    object_id TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS deliveries (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    scope TEXT NOT NULL,
    event TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    due REAL NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting'
);
CREATE INDEX IF NOT EXISTS deliveries_waiting ON deliveries (state, due);
CREATE INDEX IF NOT EXISTS deliveries_by_event ON deliveries (event, state);
"""
SCOPED_TABLES = ("objects", "idempotency", "clocks", "jobs", "deliveries")


class Store:
    """One connection behind one lock: calls take turns, so no update is ever lost."""

    def __init__(self, database: str) -> None:
        if database != ":memory:":
            Path(database).parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self.connection = sqlite3.connect(database, isolation_level=None, check_same_thread=False)
        self.connection.execute("PRAGMA journal_mode = WAL")
        # A crash of the machine may lose the last calls; a crash of the process loses nothing.
        self.connection.execute("PRAGMA synchronous = NORMAL")
        self.connection.executescript(TABLES)
        self.clocks = Clocks(self.connection)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self.connection.execute("BEGIN")
            try:
                yield self.connection
            except BaseException:
                self.connection.execute("ROLLBACK")
                raise
            self.connection.execute("COMMIT")

    @contextmanager
    def step(self) -> Iterator[Callable[[], None]]:
        """A part of a transaction; calling what it yields takes the part back."""
        self.connection.execute("SAVEPOINT step")
        yield lambda: _take_back(self.connection)
        self.connection.execute("RELEASE step")

    def objects(self, scope: str) -> Objects:
        return Objects(self.connection, scope)

    def scope_of(self, object_id: str) -> str | None:
        """For pages that a person opens with no API key at hand."""
        query = "SELECT scope FROM objects WHERE id = ?"
        row = self.connection.execute(query, (object_id,)).fetchone()
        return None if row is None else str(row[0])

    def forget(self, scope: str) -> None:
        self.clocks.set_ahead(scope, 0)
        for table in SCOPED_TABLES:
            self.connection.execute(f"DELETE FROM {table} WHERE scope = ?", (scope,))  # noqa: S608

    def schedule(self, scope: str, due: int, name: str, object_id: str) -> None:
        self.connection.execute(
            "INSERT INTO jobs (scope, due, name, object_id) VALUES (?, ?, ?, ?)",
            (scope, due, name, object_id),
        )

    def take_due_jobs(self, scope: str) -> list[tuple[str, str]]:
        due = (scope, self.clocks.now(scope))
        query = "SELECT name, object_id FROM jobs WHERE scope = ? AND due <= ? ORDER BY due, seq"
        jobs = self.connection.execute(query, due).fetchall()
        if jobs:
            self.connection.execute("DELETE FROM jobs WHERE scope = ? AND due <= ?", due)
        return [(str(name), str(object_id)) for name, object_id in jobs]

    def scopes_with_jobs(self) -> list[str]:
        rows = self.connection.execute("SELECT DISTINCT scope FROM jobs").fetchall()
        return [str(row[0]) for row in rows]

    def close(self) -> None:
        with self._lock:
            self.connection.close()


def _take_back(connection: sqlite3.Connection) -> None:
    connection.execute("ROLLBACK TO step")


def canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
