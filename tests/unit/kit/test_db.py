"""What both engines share: moments, addresses, pools, and a repr that shows no column."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from payments.auth.models import User
from payments.kit import db as kit
from payments.kit.db import db
from payments.kit.inserts import inserted, is_duplicate
from payments.kit.transactions import transaction

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


class TestMoments:
    kind = kit.UTCDateTime()
    dialect = postgresql.dialect()

    def test_they_are_stored_in_utc(self) -> None:
        east = NOON.astimezone(timezone(timedelta(hours=9)))
        stored = self.kind.process_bind_param(east, self.dialect)
        assert stored == NOON
        assert stored is not None
        assert stored.tzinfo is UTC
        assert self.kind.process_bind_param(None, self.dialect) is None

    def test_one_without_a_zone_is_refused(self) -> None:
        with pytest.raises(ValueError, match="time zone"):
            self.kind.process_bind_param(NOON.replace(tzinfo=None), self.dialect)

    @pytest.mark.parametrize(
        "read", [NOON, NOON.replace(tzinfo=None), NOON.astimezone(timezone(timedelta(hours=-5)))]
    )
    def test_they_come_back_in_utc(self, read: datetime) -> None:
        found = self.kind.process_result_value(read, self.dialect)
        assert found == NOON
        assert found is not None
        assert found.tzinfo is UTC


class TestEngines:
    def test_sqlite_waits_for_its_lock(self) -> None:
        assert kit.engine_options("sqlite:///x")["connect_args"]["timeout"] == 30

    def test_postgresql_has_a_connection_for_every_thread(self) -> None:
        options = kit.engine_options("postgresql+psycopg://h/d")
        assert options["pool_size"] + options["max_overflow"] >= 8
        assert options["pool_pre_ping"] is True

    @pytest.mark.usefixtures("database")
    def test_sqlite_keeps_what_it_is_told(self, sqlite: Path) -> None:
        with db.engine.connect() as connection:
            for pragma, value in (("foreign_keys", 1), ("synchronous", 2), ("journal_mode", "wal")):
                assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar_one() == value
        assert kit.is_sqlite(db.engine)
        assert sqlite.exists()


def test_a_repr_shows_the_key_only() -> None:
    user = User(email="canary@demo.example", password_hash="canary")
    assert repr(user) == "<User new>"


@pytest.mark.usefixtures("database")
class TestInserts:
    @pytest.fixture
    def taken(self, chore: Any) -> Iterator[Any]:
        with transaction() as session:
            session.add(chore(name="a"))
            yield session

    def test_the_second_of_a_name_is_told_apart(self, chore: Any, taken: Any) -> None:
        taken.flush()
        assert not inserted(chore(name="a"))
        assert inserted(chore(name="b"))
        assert taken.scalars(sa.select(chore.name).order_by(chore.name)).all() == ["a", "b"]

    def test_other_faults_are_raised(self, chore: Any, taken: Any) -> None:
        taken.flush()
        with pytest.raises(sa.exc.IntegrityError) as raised:
            inserted(chore(name=None))
        assert not is_duplicate(raised.value)
        assert isinstance(raised.value.orig, sqlite3.IntegrityError)
