"""A day is closed once, when nobody can take its numbers any more, and its proof never changes."""

from __future__ import annotations

import logging
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from threading import Event

import pytest

from payments.invoices import proof
from payments.invoices.numbering import close_counter
from payments.kit import clock
from payments.kit.transactions import transaction
from tests.faults.numbers.conftest import Books, after, elsewhere, noon
from tests.support.site import at_once

MICROSECOND = timedelta(microseconds=1)


class TestProof:
    def test_it_says_first_last_and_how_many(self, books: Books) -> None:
        day = date(2040, 1, 5)
        for _ in range(3):
            books.number(noon(day))
        assert books.close(day) == proof.CLOSED
        assert books.proof(day) == {
            "day": day,
            "first_number": "INV-20400105-0001",
            "last_number": "INV-20400105-0003",
            "count": 3,
            "gaps": [],
            "duplicates": [],
            "closed_at": after(day),
        }

    def test_a_day_without_invoices_is_proven_too(self, books: Books) -> None:
        day = date(2040, 2, 5)
        assert books.close(day) == proof.CLOSED
        found = books.proof(day)
        assert (found["count"], found["first_number"], found["last_number"]) == (0, None, None)
        assert found["gaps"] == []

    def test_the_fifth_digit_stands_after_the_fourth(self, books: Books) -> None:
        """By their text 10000 would come before 9999: the last number is the highest."""
        day = date(2040, 3, 5)
        books.number(noon(day))
        books.plant(*(f"INV-20400305-{place:04d}" for place in range(2, 10_000)))
        books.set_counter(day, 9_999)
        assert books.number(noon(day)) == "INV-20400305-10000"
        assert books.number(noon(day)) == "INV-20400305-10001"
        books.close(day)
        found = books.proof(day)
        assert (found["first_number"], found["last_number"]) == (
            "INV-20400305-0001",
            "INV-20400305-10001",
        )
        assert (found["count"], found["gaps"], found["duplicates"]) == (10_001, [], [])

    def test_rollbacks_under_way_leave_no_gap(self, books: Books) -> None:
        """Eight writers, every third of whom fails after he got his number."""
        day = date(2040, 4, 5)

        def work() -> int:
            return sum(self.tried(books, fail=turn % 3 == 0) for turn in range(9))

        with clock.frozen(noon(day)):
            kept = sum(at_once([work] * 8))
        assert kept == 48
        books.close(day)
        found = books.proof(day)
        assert (found["count"], found["gaps"], found["duplicates"]) == (48, [], [])

    def tried(self, books: Books, *, fail: bool) -> bool:
        try:
            with books.issuing():
                if fail:
                    raise RuntimeError("after the number")
        except RuntimeError:
            return False
        return True


class TestOnce:
    def test_the_second_close_compares_and_agrees(self, books: Books) -> None:
        day = date(2041, 1, 5)
        books.number(noon(day))
        books.close(day)
        before = books.proof(day)
        assert books.close(day, at=after(day) + timedelta(days=9)) == proof.AGREES
        assert books.proof(day) == before

    def test_a_proof_that_differs_is_told_and_left_alone(
        self, books: Books, caplog: pytest.LogCaptureFixture
    ) -> None:
        day = date(2041, 2, 5)
        numbers = [books.number(noon(day)) for _ in range(3)]
        books.close(day)
        before = books.proof(day)
        books.remove(numbers[1])
        with caplog.at_level(logging.ERROR, logger=proof.__name__):
            assert books.close(day) == proof.DIFFERS
        assert books.proof(day) == before
        assert "no longer what their proof says" in caplog.text
        assert "gap INV-20410205-0002" in caplog.text

    def test_eight_closers_at_once_write_one_proof(self, books: Books) -> None:
        day = date(2041, 3, 5)
        books.number(noon(day))

        def close() -> str:
            with books.site.app.app_context():
                return proof.close(day)

        with clock.frozen(after(day)):
            verdicts = at_once([close] * 8)
        assert sorted(verdicts) == [proof.AGREES] * 7 + [proof.CLOSED]


class TestWhen:
    @pytest.mark.parametrize(
        ("zone", "day", "hours"),
        [
            ("Etc/UTC", date(2042, 6, 4), 24),
            ("Europe/Berlin", date(2042, 3, 30), 23),
            ("Europe/Berlin", date(2042, 10, 26), 25),
            ("America/New_York", date(2042, 3, 9), 23),
            ("America/New_York", date(2042, 11, 2), 25),
            ("Africa/Cairo", date(2042, 4, 25), 23),  # a day that begins at one o'clock
            ("Pacific/Kiritimati", date(2042, 5, 4), 24),
        ],
    )
    def test_the_day_of_the_zone_is_whole(
        self, books: Books, zone: str, day: date, hours: int
    ) -> None:
        """Its first and its last moment count, and it is closed a while after the latter."""
        with elsewhere(books, zone) as here:
            first = clock.midnight(day, zone)
            end = clock.midnight(day + timedelta(days=1), zone)
            assert end - first == timedelta(hours=hours)
            numbers = [here.number(at) for at in (first, end - timedelta(seconds=1))]
            numbers.append(here.number(end - MICROSECOND))
            assert numbers == [f"INV-{day:%Y%m%d}-{n:04d}" for n in (1, 2, 3)]
            assert here.number(end) == f"INV-{day + timedelta(days=1):%Y%m%d}-0001"
            with pytest.raises(proof.NotOver):
                here.close(day, at=end + proof.MARGIN - MICROSECOND)
            assert here.close(day, at=end + proof.MARGIN) == proof.CLOSED
            assert here.proof(day)["count"] == 3

    def test_the_row_and_its_number_go_by_one_moment(self, books: Books) -> None:
        late = datetime(2042, 7, 4, 23, 59, 59, 999999, tzinfo=UTC)
        made = books.issue(late)
        assert (made.created_at, made.invoice_number) == (late, "INV-20420704-0001")


def wait_in(pool: ThreadPoolExecutor, work: object) -> Future[str]:
    """Start something that has to wait for a lock, and see that it does."""
    future = pool.submit(work)
    with pytest.raises(TimeoutError):
        future.result(0.3)
    return future


class TestOpenTransactions:
    @pytest.mark.parametrize("fails", [False, True])
    def test_a_close_waits_for_whoever_holds_a_number(self, books: Books, fails: bool) -> None:
        """The number is taken before midnight; its transaction ends while the day is closed."""
        day = date(2043, 1, 5) if fails else date(2043, 2, 5)
        books.number(noon(day))
        taken, let_go = Event(), Event()

        def hold() -> None:
            with books.issuing():
                taken.set()
                assert let_go.wait(20)
                if fails:
                    raise RuntimeError("after the number")

        with ThreadPoolExecutor(2) as pool:
            with clock.frozen(noon(day)):
                holder = pool.submit(hold)
                assert taken.wait(20)
            with clock.frozen(after(day)):
                closer = wait_in(pool, lambda: self.closed(books, day))
                let_go.set()
                assert closer.result(20) == proof.CLOSED
            assert isinstance(holder.exception(20), RuntimeError if fails else type(None))
        found = books.proof(day)
        assert (found["count"], found["gaps"]) == (1 if fails else 2, [])

    def closed(self, books: Books, day: date) -> str:
        with books.site.app.app_context():
            return proof.close(day)

    def test_who_slept_past_the_close_gets_a_number_of_the_next_day(self, books: Books) -> None:
        """He read the clock before midnight and reaches the counter after the day was closed."""
        day = date(2043, 3, 5)
        books.number(noon(day))
        with (
            ThreadPoolExecutor(1) as pool,
            clock.frozen(clock.midnight(day + timedelta(days=1), "UTC") - MICROSECOND) as advance,
        ):
            with books.site.app.app_context(), transaction():
                close_counter(day)
                late = wait_in(pool, books.issue)
                advance(timedelta(minutes=20))
            made = late.result(20)
        assert made.invoice_number == "INV-20430306-0001"
        assert clock.day_of(made.created_at, "UTC") == date(2043, 3, 6)
        books.close(day)
        assert (books.proof(day)["count"], books.proof(day)["gaps"]) == (1, [])


class TestAnotherZone:
    def test_moved_west_numbers_do_not_go_back_to_a_closed_day(self, books: Books) -> None:
        """It is the 5th again: the 5th is proven already, so the numbers go on in the 6th."""
        day, moment = date(2044, 1, 5), datetime(2044, 1, 5, 16, tzinfo=UTC)
        with elsewhere(books, "Asia/Tokyo") as tokyo:
            assert tokyo.number(noon(day)) == "INV-20440105-0001"
            assert tokyo.number(moment) == "INV-20440106-0001"
            assert tokyo.close(day, at=moment) == proof.CLOSED
            before = tokyo.proof(day)
        with elsewhere(books, "America/New_York") as york:
            assert york.number(moment) == "INV-20440106-0002"
            assert york.number(noon(date(2044, 1, 6))) == "INV-20440106-0003"
            assert york.close(day) == proof.AGREES
            assert york.proof(day) == before
            york.close(date(2044, 1, 6))
            assert york.proof(date(2044, 1, 6))["gaps"] == []

    def test_moved_east_the_day_only_ends_earlier(self, books: Books) -> None:
        day, moment = date(2044, 2, 5), datetime(2044, 2, 5, 16, tzinfo=UTC)
        with elsewhere(books, "America/New_York") as york:
            assert york.number(moment) == "INV-20440205-0001"
        with elsewhere(books, "Asia/Tokyo") as tokyo:
            assert tokyo.number(moment) == "INV-20440206-0001"
            assert tokyo.close(day, at=moment) == proof.CLOSED
            assert tokyo.proof(day)["count"] == 1
