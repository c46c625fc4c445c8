"""Days that ended while the service was down, and the task that closes them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest

from payments import jobs
from payments.invoices import proof
from payments.kit import clock
from tests.faults.numbers.conftest import Books, opened_books
from tests.support import stack
from worker import schedule
from worker.invoices import close_days

AUGUST = [date(2042, 8, n) for n in range(1, 7)]


@pytest.fixture
def books(tmp_path_factory: pytest.TempPathFactory, sandbox: stack.Sandbox) -> Iterator[Books]:
    """Books that nobody else opens: everything that is due is the test's."""
    with opened_books(tmp_path_factory.mktemp("missed"), sandbox) as made:
        yield made


def test_nothing_is_due_before_the_first_invoice(books: Books) -> None:
    assert books.close_due(datetime(2042, 8, 6, tzinfo=UTC)) == []


def test_each_missed_day_gets_its_proof(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty days too, the oldest first, in bounded steps, and a day closed by hand before."""
    monkeypatch.setattr(proof, "MOST_AT_ONCE", 3)
    for day in (AUGUST[0], AUGUST[4]):
        books.number(datetime(day.year, day.month, day.day, 9, tzinfo=UTC))
    back = datetime(2042, 8, 6, 0, 9, tzinfo=UTC)  # the 5th is over, but only just
    books.close(AUGUST[1], at=back)
    assert books.close_due(back) == [AUGUST[0], AUGUST[2], AUGUST[3]]
    assert books.close_due(back) == []
    later = datetime(2042, 8, 6, 0, 10, tzinfo=UTC)
    assert books.close_due(later) == [AUGUST[4]]
    assert [books.proof(day)["count"] for day in AUGUST[:5]] == [1, 0, 0, 0, 1]
    assert books.proof(AUGUST[5]) is None


def test_the_task_closes_what_is_due(books: Books) -> None:
    day = datetime(2042, 8, 1, 9, tzinfo=UTC)
    books.number(day)
    with clock.frozen(datetime(2042, 8, 2, 0, 10, tzinfo=UTC)), books.site.app.app_context():
        close_days()
    assert books.proof(AUGUST[0])["count"] == 1


def test_a_tick_comes_often_enough(books: Books) -> None:
    entry = schedule.ENTRIES["close"]
    assert entry["task"] == jobs.CLOSE_DAYS
    assert entry["schedule"] <= 600
