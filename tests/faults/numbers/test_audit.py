"""`flask invoices`: whatever was tampered with is told, and the exit code says so."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa
from prometheus_client.parser import text_string_to_metric_families

from payments.invoices.models import InvoiceDayProof
from tests.faults.numbers.conftest import Books, after, noon, opened_books
from tests.support import stack
from tests.support.metrics import scrape_metrics

DAY = date(2045, 1, 5)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, sandbox: stack.Sandbox) -> Iterator[Books]:
    with opened_books(tmp_path_factory.mktemp("audit"), sandbox) as made:
        yield made


@pytest.fixture
def books(shared: Books) -> Books:
    """Books with nothing in them but three invoices of one day, which is closed."""
    shared.clear()
    return filled(shared)


@pytest.fixture
def fragile(tmp_path_factory: pytest.TempPathFactory, sandbox: stack.Sandbox) -> Iterator[Books]:
    """The same in a database that the test may damage."""
    with opened_books(tmp_path_factory.mktemp("fragile"), sandbox) as made:
        yield filled(made)


def filled(books: Books) -> Books:
    for _ in range(3):
        books.number(noon(DAY))
    books.close(DAY)
    return books


def audited(books: Books, *words: str) -> tuple[int, list[str]]:
    code, output = books.command("audit", *words)
    return code, output.splitlines()


def measured(books: Books) -> dict[str, float]:
    families = text_string_to_metric_families(scrape_metrics(books.site.client).text)
    return {
        "/".join([s.name, *s.labels.values()]): s.value
        for f in families
        if f.name.startswith(("payments_invoice_days", "payments_invoice_last"))
        for s in f.samples
    }


def seconds(*day: int) -> float:
    return datetime(*day, tzinfo=UTC).timestamp()


class TestAllIsRight:
    def test_a_line_a_day(self, books: Books) -> None:
        books.number(noon(DAY + timedelta(days=2)))
        assert audited(books) == (
            0,
            [
                "2045-01-05       3  INV-20450105-0001 to INV-20450105-0003  proven",
                "2045-01-06       0  none  right, not closed yet",
                "2045-01-07       1  INV-20450107-0001 to INV-20450107-0001  right, not closed yet",
            ],
        )

    def test_some_days_only(self, books: Books) -> None:
        books.number(noon(DAY + timedelta(days=2)))
        assert [line[:10] for line in audited(books, "--day", "2045-01-05")[1]] == ["2045-01-05"]
        from_to = audited(books, "--from", "2045-01-06", "--to", "2045-01-07")[1]
        assert [line[:10] for line in from_to] == ["2045-01-06", "2045-01-07"]
        assert len(audited(books, "--from", "2045-01-06")[1]) == 2
        assert len(audited(books, "--to", "2045-01-06")[1]) == 2

    def test_a_day_alone_or_a_span(self, books: Books) -> None:
        code, output = books.command("audit", "--day", "2045-01-05", "--to", "2045-01-06")
        assert (code, "--day stands alone" in output) == (2, True)

    def test_it_is_measured(self, books: Books) -> None:
        assert measured(books) == {
            "payments_invoice_days_faulty/gaps": 0,
            "payments_invoice_days_faulty/duplicates": 0,
            "payments_invoice_last_closed_day_seconds": datetime(
                2045, 1, 5, tzinfo=UTC
            ).timestamp(),
        }


class TestTamperedWith:
    def test_a_gap(self, books: Books) -> None:
        books.remove("INV-20450105-0002")
        code, (line,) = audited(books)
        assert code == 1
        assert "gap INV-20450105-0002" in line
        assert "says otherwise: 3 from INV-20450105-0001 to INV-20450105-0003" in line

    def test_a_gap_at_the_end_is_told_by_the_counter(self, books: Books) -> None:
        books.remove("INV-20450105-0002")
        books.remove("INV-20450105-0003")
        code, (line,) = audited(books)
        assert (code, "gap INV-20450105-0002..INV-20450105-0003" in line) == (1, True)

    def test_a_place_taken_twice(self, books: Books) -> None:
        """The index holds the same text off; another spelling of the place gets past it."""
        books.plant("INV-20450105-00002")
        code, (line,) = audited(books)
        assert code == 1
        assert "duplicate INV-20450105-0002" in line
        assert "no such number INV-20450105-00002" in line

    def test_the_very_same_number_twice(self, fragile: Books) -> None:
        """With the index gone, as after a restore that lost it."""
        books = fragile
        if books.site.settings.database_url.startswith("sqlite"):
            self.without_the_index_on_sqlite(books)
        else:
            gone = sa.text("ALTER TABLE invoices DROP CONSTRAINT uq_invoices_invoice_number")
            books.site.run(lambda session: session.execute(gone))
        books.plant("INV-20450105-0002")
        code, (line,) = audited(books)
        assert (code, "duplicate INV-20450105-0002;" in line) == (1, True)

    def without_the_index_on_sqlite(self, books: Books) -> None:
        """SQLite drops no constraint: the table is made again from a copy of its rows."""
        file = sqlite3.connect(books.site.settings.database_url.removeprefix("sqlite:///"))
        file.executescript(
            "CREATE TABLE bare AS SELECT * FROM invoices;"
            "DROP TABLE invoices;"
            "ALTER TABLE bare RENAME TO invoices;"
        )
        file.close()

    def test_a_number_beyond_the_counter(self, books: Books) -> None:
        books.plant("INV-20450105-0004")
        code, (line,) = audited(books)
        assert (code, "the counter stands at 3, the rows end at 4" in line) == (1, True)

    def test_what_is_no_number(self, books: Books) -> None:
        books.plant("INV-20450105-0000", "INV-20450105-12a4")
        code, (line,) = audited(books)
        assert code == 1
        assert "no such number INV-20450105-0000; no such number INV-20450105-12a4" in line

    def test_numbers_of_no_day(self, books: Books) -> None:
        books.plant("INV-19990101-0001", "INV-19990101-0002", "X-1")
        code, lines = audited(books)
        assert code == 1
        assert lines[1:] == [
            "INV-19990101-...  2 invoices of no day that gave out numbers",
            "X-1...  1 invoices of no day that gave out numbers",
        ]
        assert audited(books, "--day", "2045-01-05")[0] == 0

    def test_a_proof_that_somebody_wrote_over(self, books: Books) -> None:
        other = sa.update(InvoiceDayProof).values(count=2)
        books.site.run(lambda session: session.execute(other))
        code, (line,) = audited(books)
        assert (code, "the proof of 2045-01-07 12:00 UTC says otherwise: 2 from" in line) == (
            1,
            True,
        )

    def test_a_faulty_day_is_closed_and_measured(self, books: Books) -> None:
        day = DAY + timedelta(days=1)
        for _ in range(3):
            books.number(noon(day))
        books.remove("INV-20450106-0001")
        books.plant("INV-20450106-00003")
        assert books.close(day) == "closed"
        found = books.proof(day)
        assert found["gaps"] == ["INV-20450106-0001"]
        assert found["duplicates"] == ["INV-20450106-0003"]
        assert measured(books) == {
            "payments_invoice_days_faulty/gaps": 1,
            "payments_invoice_days_faulty/duplicates": 1,
            "payments_invoice_last_closed_day_seconds": datetime(
                2045, 1, 6, tzinfo=UTC
            ).timestamp(),
        }


class TestCloseByHand:
    def test_all_that_are_over(self, books: Books) -> None:
        books.number(noon(DAY + timedelta(days=1)))
        at = after(DAY + timedelta(days=1))
        assert books.command("close", at=at) == (0, "2045-01-06  closed\n2045-01-07  closed\n")
        assert books.command("close", at=at) == (0, "")

    def test_one_day(self, books: Books) -> None:
        words = ("close", "--day", "2045-01-05")
        assert books.command(*words, at=after(DAY)) == (0, "2045-01-05  agrees\n")
        books.remove("INV-20450105-0001")
        assert books.command(*words, at=after(DAY)) == (1, "2045-01-05  differs\n")

    def test_not_before_it_is_over(self, books: Books) -> None:
        code, output = books.command("close", "--day", "2045-01-06", at=noon(date(2045, 1, 6)))
        assert (code, output) == (1, "Error: 2045-01-06 is not over yet\n")
