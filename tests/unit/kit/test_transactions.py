"""A unit of work is committed whole or not at all, and wakes others only once it is true."""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from payments.kit.db import db
from payments.kit.transactions import (
    NestedTransaction,
    after_commit,
    end_read,
    transaction,
)

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def names(sqlite: Path) -> Any:
    """What another connection sees."""

    def look() -> list[str]:
        with sqlite3.connect(sqlite) as other:
            found = [row[0] for row in other.execute("SELECT name FROM chores ORDER BY name")]
        other.close()
        return found

    return look


def test_the_end_commits(chore: Any, names: Any) -> None:
    with transaction() as session:
        session.add(chore(name="a"))
        session.flush()
        assert names() == []
    assert names() == ["a"]


def test_an_error_rolls_back(chore: Any, names: Any) -> None:
    with pytest.raises(ZeroDivisionError), transaction() as session:
        session.add(chore(name="a"))
        session.flush()
        raise ZeroDivisionError
    assert names() == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_being_stopped_rolls_back(chore: Any, names: Any, error: type[BaseException]) -> None:
    with pytest.raises(error), transaction() as session:
        session.add(chore(name="a"))
        raise error
    assert names() == []


def test_a_failed_commit_rolls_back_and_runs_no_hook(chore: Any, names: Any) -> None:
    ran: list[str] = []
    with pytest.raises(sa.exc.IntegrityError), transaction() as session:
        session.add_all([chore(name="a"), chore(name="a")])
        after_commit(lambda: ran.append("hook"))
    assert (names(), ran) == ([], [])
    with transaction() as session:
        session.add(chore(name="b"))
    assert names() == ["b"]


class TestHooks:
    def test_they_run_in_order_and_see_what_was_committed(self, chore: Any, names: Any) -> None:
        seen: list[Any] = []
        with transaction() as session:
            session.add(chore(name="a"))
            after_commit(lambda: seen.append(names()))
            after_commit(lambda: seen.append("second"))
            assert seen == []
        assert seen == [["a"], "second"]

    def test_they_never_run_after_an_error(self) -> None:
        ran: list[str] = []
        with pytest.raises(ZeroDivisionError), transaction():
            after_commit(lambda: ran.append("hook"))
            raise ZeroDivisionError
        with transaction():
            pass
        assert ran == []

    def test_one_that_fails_is_logged_and_stops_nobody(
        self, chore: Any, names: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        ran: list[str] = []
        with caplog.at_level(logging.ERROR), transaction() as session:
            session.add(chore(name="a"))
            after_commit(lambda: 1 // 0)
            after_commit(lambda: ran.append("second"))
        assert (names(), ran) == (["a"], ["second"])
        assert "a hook after the commit failed" in caplog.text

    def test_they_may_begin_the_next_unit_of_work(self, chore: Any, names: Any) -> None:
        def add() -> None:
            with transaction() as session:
                session.add(chore(name="b"))

        with transaction() as session:
            session.add(chore(name="a"))
            after_commit(add)
        assert names() == ["a", "b"]

    def test_they_need_a_transaction(self) -> None:
        with pytest.raises(RuntimeError, match="open transaction"):
            after_commit(list)


class TestNesting:
    def test_a_second_one_inside_is_refused(self, chore: Any, names: Any) -> None:
        with pytest.raises(NestedTransaction), transaction() as session:
            session.add(chore(name="a"))
            with transaction():
                pass
        assert names() == []

    def test_the_next_one_is_fine(self, chore: Any, names: Any) -> None:
        for name in ("a", "b"):
            with transaction() as session:
                session.add(chore(name=name))
        assert names() == ["a", "b"]


class TestReads:
    def test_an_open_read_is_ended_first(self, chore: Any, sqlite: Path) -> None:
        assert db.session.scalars(sa.select(chore)).all() == []
        with sqlite3.connect(sqlite) as other:
            other.execute(
                "INSERT INTO chores (id, name, status, tries, throttled, fence, due_at) "
                "VALUES (1, 'a', 'open', 0, 0, 0, '2026-01-01')"
            )
        other.close()
        with transaction() as session:
            assert session.scalars(sa.select(chore.name)).all() == ["a"]

    def test_the_write_lock_is_held_from_the_start(self, sqlite: Path) -> None:
        other = sqlite3.connect(sqlite, timeout=0, isolation_level=None)
        with transaction(), pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        other.execute("BEGIN IMMEDIATE")
        other.close()

    def test_end_read_gives_the_connection_back(self, chore: Any) -> None:
        db.session.scalars(sa.select(chore)).all()
        assert db.engine.pool.checkedout() == 1  # type: ignore[attr-defined]
        end_read()
        assert db.engine.pool.checkedout() == 0  # type: ignore[attr-defined]

    def test_end_read_is_refused_in_a_transaction(self) -> None:
        with pytest.raises(NestedTransaction), transaction():
            end_read()
