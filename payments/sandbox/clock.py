"""The only place in the sandbox that reads a clock, so that accounts can live in other times."""

import sqlite3
import time


def wall() -> float:
    """Real time: webhook signatures and delivery retries follow it, whatever an account thinks."""
    return time.time()


def monotonic() -> float:
    return time.monotonic()


def pause(seconds: float) -> None:
    time.sleep(seconds)


class Clocks:
    """Each account's offset from real time, remembered across restarts."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        rows = connection.execute("SELECT scope, ahead FROM clocks")
        self._ahead: dict[str, int] = dict(rows.fetchall())

    def now(self, scope: str) -> int:
        return int(wall()) + self._ahead.get(scope, 0)

    def ahead(self, scope: str) -> int:
        return self._ahead.get(scope, 0)

    def set_ahead(self, scope: str, seconds: int) -> None:
        self._ahead[scope] = seconds
        self._connection.execute(
            "INSERT INTO clocks (scope, ahead) VALUES (?, ?)"
            " ON CONFLICT (scope) DO UPDATE SET ahead = excluded.ahead",
            (scope, seconds),
        )
