"""The one clock: every "now" of the service is asked here, so that tests can move it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

_replaced = False
_read: Callable[[], datetime] = lambda: datetime.now(UTC)  # noqa: E731 - replaced by `frozen`


def now() -> datetime:
    """Return the present moment, aware, in UTC."""
    return _read()


def timestamp() -> int:
    """Return the present moment in whole seconds since 1970, as Stripe counts."""
    return int(now().timestamp())


def is_replaced() -> bool:
    """Return whether a test holds the clock: then its moment counts, also inside the database."""
    return _replaced


def monotonic() -> float:
    """Return seconds that never run backwards: for deadlines inside one process."""
    return time.monotonic()


def count_ms_since(began: float) -> int:
    """Return the whole milliseconds since a moment that `monotonic` returned."""
    return int((monotonic() - began) * 1000)


def pause(seconds: float) -> None:
    """Let a short while pass: for a wait that nothing announces the end of."""
    time.sleep(seconds)


# Years of four digits, without the last days, which another time zone could push beyond them.
_FIRST = int(datetime(1000, 1, 1, tzinfo=UTC).timestamp())
_LAST = int(datetime(9999, 12, 30, tzinfo=UTC).timestamp())


def from_timestamp(seconds: int) -> datetime:
    """Turn Stripe's seconds since 1970 into an aware UTC moment.

    What lies beyond the calendar becomes its first or last day.
    """
    return datetime.fromtimestamp(max(min(seconds, _LAST), _FIRST), UTC)


def today(zone: str = "UTC") -> date:
    """Return the calendar day it is now in an IANA time zone."""
    return day_of(now(), zone)


def day_of(moment: datetime, zone: str) -> date:
    """Return the calendar day that a moment lies in, in an IANA time zone."""
    return moment.astimezone(ZoneInfo(zone)).date()


def midnight(day: date, zone: str) -> datetime:
    """Return the moment a day begins; the one after it comes 23, 24 or 25 hours later."""
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)


def iso_millis(moment: datetime) -> str:
    """Write a moment as ISO 8601 in UTC with milliseconds and Z (`2024-01-15T10:30:00.000Z`)."""
    return (
        moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
    )


@contextmanager
def frozen(moment: datetime) -> Iterator[Callable[[timedelta], None]]:
    """Hold the clock at a moment for a test; the value yielded moves it on."""
    global _read, _replaced
    former, held = (_read, _replaced), [moment]

    def advance(by: timedelta) -> None:
        held[0] += by

    _read, _replaced = lambda: held[0], True
    try:
        yield advance
    finally:
        _read, _replaced = former
