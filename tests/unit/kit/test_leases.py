"""One worker at a time holds a row; a holder who comes too late is told apart by the fence."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from payments.kit import clock, leases
from payments.kit.db import db
from payments.kit.transactions import transaction

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def advance() -> Iterator[Any]:
    with clock.frozen(NOON) as move:
        yield move


@pytest.fixture
def row(chore: Any, advance: Any) -> int:
    with transaction() as session:
        held = chore(name="a")
        noise = chore(name="noise")
        session.add_all([held, noise])
        session.flush()
        return int(held.id)


@pytest.fixture
def claim(chore: Any) -> Any:
    def take(row_id: int, *states: str, seconds: int = 30) -> int | None:
        with transaction():
            return leases.claim(chore, row_id, states or ("open",), seconds=seconds)

    return take


class TestClaim:
    def test_the_first_gets_it_and_the_second_does_not(self, row: int, claim: Any) -> None:
        assert claim(row) == 1
        assert claim(row) is None

    def test_only_in_the_given_states(self, row: int, claim: Any) -> None:
        assert claim(row, "done", "failed") is None
        assert claim(row, "done", "open") == 1

    def test_only_once_it_is_due(self, chore: Any, row: int, claim: Any, advance: Any) -> None:
        with transaction() as session:
            session.get_one(chore, row).due_at = NOON + SECOND
        assert claim(row) is None
        advance(SECOND)
        assert claim(row) == 1

    def test_a_row_that_is_gone(self, row: int, claim: Any) -> None:
        assert claim(row + 100) is None

    def test_a_lapsed_lease_goes_to_the_next_with_a_higher_fence(
        self, chore: Any, row: int, claim: Any, advance: Any
    ) -> None:
        first = claim(row, seconds=30)
        advance(30 * SECOND)
        assert claim(row) is None
        advance(SECOND)
        second = claim(row)
        assert (first, second) == (1, 2)
        held = db.session.get_one(chore, row)
        assert (held.fence, held.tries) == (2, 2)

    def test_a_rollback_gives_it_back(self, chore: Any, row: int, claim: Any) -> None:
        with pytest.raises(ZeroDivisionError), transaction():
            assert leases.claim(chore, row, ("open",), seconds=30) == 1
            raise ZeroDivisionError
        assert claim(row) == 1


class TestRelease:
    def test_it_is_free_at_once(self, chore: Any, row: int, claim: Any) -> None:
        claim(row)
        with transaction() as session:
            leases.release(session.get_one(chore, row))
        assert claim(row) == 2

    def test_it_comes_back_later(self, chore: Any, row: int, claim: Any, advance: Any) -> None:
        claim(row)
        with transaction() as session:
            leases.release(session.get_one(chore, row), due_in=10 * SECOND)
        assert claim(row) is None
        advance(10 * SECOND)
        assert claim(row) == 2


class TestThrottle:
    def test_the_claim_was_no_try(self, chore: Any, row: int, claim: Any, advance: Any) -> None:
        """However often: the row waits longer and longer, five minutes at most."""
        for times in range(1, 13):
            claim(row)
            with transaction() as session:
                held = session.get_one(chore, row)
                leases.throttle(held)
                assert (held.tries, held.throttled, held.leased_until) == (0, times, None)
                wait = held.due_at - clock.now()
            longest = min(leases.BACKOFF_FIRST * 2 ** (times - 1), leases.THROTTLED_LAST)
            assert longest * 0.75 <= wait <= longest * 1.25
            advance(wait)

    def test_any_other_end_forgets_it(self, chore: Any, row: int, claim: Any) -> None:
        claim(row)
        with transaction() as session:
            held = session.get_one(chore, row)
            leases.throttle(held)
            leases.release(held)
            assert held.throttled == 0


class TestDue:
    def test_the_longest_waiting_come_first(self, chore: Any, row: int, advance: Any) -> None:
        with transaction() as session:
            for minutes, name in ((5, "late"), (9, "later"), (-1, "not yet")):
                due_at = NOON - timedelta(minutes=minutes)
                session.add(chore(name=name, due_at=due_at))
            session.add(chore(name="done", status="done", due_at=NOON - timedelta(hours=1)))
        ids = leases.due(chore, ("open",), limit=2)
        assert [db.session.get_one(chore, id_).name for id_ in ids] == ["later", "late"]

    def test_held_rows_are_left_out(self, chore: Any, row: int, claim: Any) -> None:
        claim(row)
        assert row not in leases.due(chore, ("open",), limit=10)


class TestBackoff:
    @pytest.mark.parametrize(
        ("tries", "seconds"), [(0, 2), (1, 2), (2, 4), (5, 32), (12, 3600), (10**6, 3600)]
    )
    def test_it_doubles_within_its_bounds_and_jitters(self, tries: int, seconds: int) -> None:
        for _ in range(50):
            wait = leases.backoff(tries)
            assert seconds * 0.75 <= wait.total_seconds() <= seconds * 1.25

    def test_rows_that_failed_together_come_back_apart(self) -> None:
        assert len({leases.backoff(8) for _ in range(50)}) > 10


class TestRenew:
    @pytest.fixture
    def renew(self, chore: Any) -> Any:
        def hold(row_id: int, fence: int, *, seconds: int = 30) -> bool:
            with transaction():
                return leases.renew_lease(chore, row_id, fence, seconds=seconds)

        return hold

    def test_the_holder_holds_on(self, row: int, claim: Any, renew: Any, advance: Any) -> None:
        fence = claim(row, seconds=30)
        advance(20 * SECOND)
        assert renew(row, fence, seconds=30)
        advance(30 * SECOND)
        assert claim(row) is None
        advance(SECOND)
        assert claim(row) == 2

    def test_a_former_holder_does_not(
        self, chore: Any, row: int, claim: Any, renew: Any, advance: Any
    ) -> None:
        first = claim(row, seconds=30)
        advance(31 * SECOND)
        claim(row, seconds=5)
        assert not renew(row, first, seconds=300)
        assert db.session.get_one(chore, row).leased_until == clock.now() + 5 * SECOND

    def test_a_lapsed_lease_that_nobody_took_is_renewed(
        self, row: int, claim: Any, renew: Any, advance: Any
    ) -> None:
        fence = claim(row, seconds=30)
        advance(31 * SECOND)
        assert renew(row, fence)
        assert claim(row) is None

    def test_a_released_row_stays_free(self, chore: Any, row: int, claim: Any, renew: Any) -> None:
        fence = claim(row)
        with transaction() as session:
            leases.release(session.get_one(chore, row))
        assert not renew(row, fence)
        assert claim(row) == 2

    def test_other_rows_are_left_alone(self, chore: Any, row: int, claim: Any, renew: Any) -> None:
        fence, noise = claim(row), row + 1
        assert claim(noise, seconds=5) == fence
        assert renew(row, fence, seconds=300)
        assert db.session.get_one(chore, noise).leased_until == clock.now() + 5 * SECOND
