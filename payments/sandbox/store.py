"""Everything the sandbox remembers, in one SQLite file that one process owns."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .clock import Clocks, RealTime
from .objects import REFERENCES, Objects
from .version import API_VERSION

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
    customer TEXT,
    payment_intent TEXT,
    charge TEXT,
    invoice TEXT,
    UNIQUE (id, scope)
);
CREATE INDEX IF NOT EXISTS objects_by_kind ON objects (scope, kind, seq);
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
CREATE TABLE IF NOT EXISTS open_requests (
    scope TEXT NOT NULL,
    id TEXT NOT NULL,
    key TEXT,
    locks TEXT NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (scope, id)
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
CREATE TABLE IF NOT EXISTS preferences (
    scope TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (scope, name)
);
CREATE INDEX IF NOT EXISTS deliveries_waiting ON deliveries (state, due);
CREATE INDEX IF NOT EXISTS deliveries_by_event ON deliveries (event, state);
"""
SCOPED_TABLES = (
    "objects", "idempotency", "clocks", "jobs", "open_requests", "deliveries", "preferences",
)  # fmt: skip
# What is kept for a request under way is its job; webhook endpoints are settings, not data.
WIPE = (
    "DELETE FROM objects WHERE scope = ? AND kind != 'webhook_endpoint'",
    "DELETE FROM jobs WHERE scope = ? AND name != 'request.complete'",
    "DELETE FROM deliveries WHERE scope = ?",
)


# Preferences of an account, true unless they were set to false.
BUSINESS_NAME_SET, PORTAL_SAVED = "business_name_set", "portal_saved"


class Store:
    """One connection behind one lock: calls take turns, so no update is ever lost."""

    def __init__(self, database: str, source: RealTime | None = None) -> None:
        if database != ":memory:":
            Path(database).parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self.connection = sqlite3.connect(database, isolation_level=None, check_same_thread=False)
        self.connection.execute("PRAGMA journal_mode = WAL")
        # A crash of the machine may lose the last calls; a crash of the process loses nothing.
        self.connection.execute("PRAGMA synchronous = NORMAL")
        self.connection.executescript(TABLES)
        _upgrade(self.connection)
        self.clocks = Clocks(self.connection, source or RealTime())

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
            self.connection.execute(f"DELETE FROM {table} WHERE scope = ?", (scope,))  # noqa: S608 - our names

    def wipe(self, scope: str) -> None:
        """Delete the account's data; its settings, keys and requests under way stay."""
        for query in WIPE:
            self.connection.execute(query, (scope,))

    def schedule(self, scope: str, due: float, name: str, object_id: str, clock: str = "") -> None:
        self.connection.execute(
            "INSERT INTO jobs (scope, clock, due, name, object_id) VALUES (?, ?, ?, ?, ?)",
            (scope, clock, due, name, object_id),
        )

    def take_due_job(self, scope: str, clock: str, until: float) -> tuple[int, str, str] | None:
        """One at a time, the earliest first: what it schedules may fall due before the others."""
        row = self.connection.execute(
            "SELECT seq, due, name, object_id FROM jobs"
            " WHERE scope = ? AND clock = ? AND due <= ? ORDER BY due, seq LIMIT 1",
            (scope, clock, until),
        ).fetchone()
        if row is None:
            return None
        self.connection.execute("DELETE FROM jobs WHERE seq = ?", (row[0],))
        return int(row[1]), str(row[2]), str(row[3])

    def drop_clock(self, scope: str, clock: str) -> None:
        self.connection.execute("DELETE FROM jobs WHERE scope = ? AND clock = ?", (scope, clock))

    def preference(self, scope: str, name: str) -> Any:
        """What an account has been set to, or nothing."""
        row = self.connection.execute(
            "SELECT value FROM preferences WHERE scope = ? AND name = ?", (scope, name)
        ).fetchone()
        return None if row is None else json.loads(row[0])

    def default_version(self, scope: str) -> str:
        return str(self.preference(scope, "api_version") or API_VERSION)

    def prefer(self, scope: str, name: str, value: object) -> None:
        self.connection.execute(
            "INSERT OR REPLACE INTO preferences (scope, name, value) VALUES (?, ?, ?)",
            (scope, name, json.dumps(value)),
        )

    def scopes_with_due_jobs(self) -> list[str]:
        """On the accounts' own clocks; test clocks stand still."""
        rows = self.connection.execute(
            "SELECT DISTINCT scope FROM jobs LEFT JOIN clocks USING (scope)"
            " WHERE clock = '' AND due <= ? + coalesce(ahead, 0) ORDER BY scope",
            (self.clocks.source.wall(),),
        ).fetchall()
        return [str(row[0]) for row in rows]

    def close(self) -> None:
        with self._lock:
            self.connection.close()


def _upgrade(connection: sqlite3.Connection) -> None:
    """Bring a file of an earlier sandbox up to date."""
    if "clock" not in _columns(connection, "jobs"):
        connection.execute("ALTER TABLE jobs ADD COLUMN clock TEXT NOT NULL DEFAULT ''")
    connection.execute("CREATE INDEX IF NOT EXISTS jobs_due ON jobs (scope, clock, due, seq)")
    for name in REFERENCES:
        _upgrade_reference(connection, name)
    _fill_references(connection)


def _upgrade_reference(connection: sqlite3.Connection, name: str) -> None:
    """A column of its own is a third of the price of an index on an expression over JSON."""
    if name not in _columns(connection, "objects"):
        connection.execute(f"DROP INDEX IF EXISTS objects_by_{name}")
        connection.execute(f"ALTER TABLE objects ADD COLUMN {name} TEXT")
        connection.execute(f"UPDATE objects SET {name} = json_extract(data, '$.{name}')")  # noqa: S608 - our names
    connection.execute(
        f"CREATE INDEX IF NOT EXISTS objects_by_{name} ON objects (scope, kind, {name}, seq)"
        f" WHERE {name} IS NOT NULL"
    )


def _fill_references(connection: sqlite3.Connection) -> None:
    """Let rows that another program adds to the file be found by what they refer to, too."""
    missing = " AND ".join(f"new.{name} IS NULL" for name in REFERENCES)
    filled = ", ".join(f"{name} = json_extract(new.data, '$.{name}')" for name in REFERENCES)
    fill = f"UPDATE objects SET {filled} WHERE seq = new.seq"  # noqa: S608 - our names
    connection.execute(
        "CREATE TRIGGER IF NOT EXISTS objects_references AFTER INSERT ON objects"
        f" WHEN new.kind <> 'event' AND {missing} BEGIN {fill}; END"
    )


def _columns(connection: sqlite3.Connection, table: str) -> set[str]:
    return {str(row[1]) for row in connection.execute(f"PRAGMA table_info({table})")}


def _take_back(connection: sqlite3.Connection) -> None:
    connection.execute("ROLLBACK TO step")


def canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
