"""The clock: it can be held and moved, and it writes moments in one form."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from payments.kit import clock

NEW_YEAR = datetime(2026, 12, 31, 23, 59, 59, 123999, tzinfo=UTC)


def test_now_is_aware() -> None:
    assert clock.now().tzinfo is UTC


def test_frozen_holds_and_moves() -> None:
    with clock.frozen(NEW_YEAR) as advance:
        assert clock.now() == clock.now() == NEW_YEAR
        advance(timedelta(days=400))
        assert clock.now() == NEW_YEAR + timedelta(days=400)
    assert clock.now() != NEW_YEAR


def test_frozen_lets_go_after_an_error() -> None:
    with pytest.raises(RuntimeError), clock.frozen(NEW_YEAR):
        raise RuntimeError
    assert clock.now() != NEW_YEAR


def test_frozen_can_be_nested() -> None:
    with clock.frozen(NEW_YEAR):
        with clock.frozen(NEW_YEAR + timedelta(hours=1)):
            assert clock.now() > NEW_YEAR
        assert clock.now() == NEW_YEAR


def test_today_depends_on_the_zone() -> None:
    with clock.frozen(NEW_YEAR):
        assert clock.today() == date(2026, 12, 31)
        assert clock.today("Asia/Tokyo") == date(2027, 1, 1)


def test_millis_are_cut_off_and_zones_turned_into_utc() -> None:
    assert clock.iso_millis(NEW_YEAR) == "2026-12-31T23:59:59.123Z"
    east = NEW_YEAR.astimezone(timezone(timedelta(hours=9)))
    assert clock.iso_millis(east) == "2026-12-31T23:59:59.123Z"


def test_stripes_seconds_there_and_back() -> None:
    with clock.frozen(NEW_YEAR):
        assert clock.from_timestamp(clock.timestamp()) == NEW_YEAR.replace(microsecond=0)


def test_monotonic_never_runs_backwards() -> None:
    readings = [clock.monotonic() for _ in range(100)]
    assert readings == sorted(readings)
