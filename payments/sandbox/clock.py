"""The only place in the sandbox that reads a clock, so that accounts can live in other times."""

from __future__ import annotations

import sqlite3
import time


def wall() -> float:
    """Real time: webhook signatures and delivery retries follow it, whatever an account thinks."""
    return time.time()


def monotonic() -> float:
    return time.monotonic()


def pause(seconds: float) -> None:
    time.sleep(seconds)


class RealTime:
    """The time that all accounts start from: here the machine's."""

    def wall(self) -> float:
        return wall()

    def pause(self, seconds: float) -> None:
        pause(seconds)


class VirtualTime(RealTime):
    """A time that moves only when it is told to; a pause moves it and returns at once."""

    def __init__(self, start: float) -> None:
        self._now = start

    def wall(self) -> float:
        return self._now

    def pause(self, seconds: float) -> None:
        self._now += seconds


class Clocks:
    """Each account's offset from real time, remembered across restarts."""

    def __init__(self, connection: sqlite3.Connection, source: RealTime) -> None:
        self._connection = connection
        self.source = source
        rows = connection.execute("SELECT scope, ahead FROM clocks")
        self._ahead: dict[str, int] = dict(rows.fetchall())

    def now(self, scope: str) -> int:
        """Return the account's time in whole seconds, as Stripe shows it."""
        return int(self.source.wall()) + self._ahead.get(scope, 0)

    def read_exactly(self, scope: str) -> float:
        """Return the account's time with its fraction of a second."""
        return self.source.wall() + self._ahead.get(scope, 0)

    def ahead(self, scope: str) -> int:
        return self._ahead.get(scope, 0)

    def set_ahead(self, scope: str, seconds: int) -> None:
        self._ahead[scope] = seconds
        self._connection.execute(
            "INSERT INTO clocks (scope, ahead) VALUES (?, ?)"
            " ON CONFLICT (scope) DO UPDATE SET ahead = excluded.ahead",
            (scope, seconds),
        )
