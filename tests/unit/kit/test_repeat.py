"""Units of work that the database undid: repeated a few times, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, OperationalError

from payments.kit.db import db
from payments.kit.repeat import MOST, repeated
from payments.kit.transactions import after_commit, transaction

pytestmark = pytest.mark.usefixtures("database")


class Undone(Exception):
    """What a driver raises, as far as it is looked at."""

    def __init__(self, sqlstate: str | None) -> None:
        self.sqlstate = sqlstate


def failing(*states: str | None) -> Callable[[], int]:
    """Return a unit that fails with these states in turn, then counts its runs."""
    left, runs = list(states), [0]

    @repeated
    def unit() -> int:
        runs[0] += 1
        if left:
            raise OperationalError("UPDATE", {}, Undone(left.pop(0)))
        return runs[0]

    return unit


@pytest.mark.parametrize("state", ["40001", "40P01"])
def test_a_victim_is_repeated(state: str) -> None:
    assert failing(state, state)() == 3


def test_there_is_a_bound() -> None:
    with pytest.raises(OperationalError):
        failing(*["40001"] * MOST)()
    assert failing(*["40001"] * (MOST - 1))() == MOST


@pytest.mark.parametrize("state", ["57P01", "08006", None])
def test_a_lost_connection_is_not(state: str | None) -> None:
    """Whether its commit went through is not known here."""
    with pytest.raises(OperationalError):
        failing(state)()


def test_nothing_of_the_lost_run_remains(chore: Any) -> None:
    """Neither its rows nor its hooks."""
    told: list[str] = []
    runs = iter(["lost", "kept"])

    @repeated
    def unit() -> None:
        name = next(runs)
        with transaction() as session:
            session.add(chore(name=name))
            after_commit(lambda: told.append(name))
            session.flush()
            if name == "lost":
                raise OperationalError("UPDATE", {}, Undone("40P01"))

    unit()
    assert told == list(db.session.scalars(sa.select(chore.name))) == ["kept"]


def test_a_broken_constraint_is_no_accident(chore: Any) -> None:
    runs = []

    @repeated
    def unit() -> None:
        runs.append(1)
        with transaction() as session:
            session.add_all([chore(name="one"), chore(name="one")])

    with pytest.raises(IntegrityError):
        unit()
    assert runs == [1]
