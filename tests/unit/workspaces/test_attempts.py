"""How long a worker has a row, when it comes back, and when a person is asked to look at it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from payments.gateway.client import CONNECT_SECONDS, WORKER_READ_SECONDS
from payments.gateway.errors import (
    KEY_IN_USE,
    RATE_LIMIT,
    BadCredentials,
    GatewayError,
    OutcomeUnknown,
    Rejected,
    Unavailable,
)
from payments.kit import clock
from payments.kit.db import db
from payments.kit.transactions import transaction
from payments.workspaces import attempts
from payments.workspaces.attempts import (
    KEY_LIVES,
    LEASE_SECONDS,
    MOST_TRIES,
    UNKNOWN_AFTER,
    Attempt,
    LeaseLost,
)
from payments.workspaces.charges.action import GONE
from payments.workspaces.charges.record import record_outcome, record_payment
from payments.workspaces.models import Charge
from tests.support.reserved import payment_of

LEASE = timedelta(seconds=LEASE_SECONDS)


def claim(charge_id: int) -> Attempt | None:
    with transaction():
        return attempts.claim(Charge, charge_id)


def hold(charge_id: int) -> Attempt:
    attempt = claim(charge_id)
    assert attempt is not None
    return attempt


def read(charge_id: int, *names: str) -> Any:
    row = db.session.get_one(Charge, charge_id, populate_existing=True)
    found = tuple(getattr(row, name) for name in names)
    db.session.rollback()
    return found[0] if len(names) == 1 else found


def write(charge_id: int, **values: Any) -> None:
    with transaction():
        row = db.session.get_one(Charge, charge_id)
        for name, value in values.items():
            setattr(row, name, value)


def take_over(charge_id: int) -> None:
    """Let another worker claim the row once the lease has run out."""
    with clock.frozen(clock.now() + LEASE + timedelta(seconds=1)):
        hold(charge_id)


def pay(charge_id: int) -> None:
    """Let Stripe's event settle the row."""
    assert record_payment(charge_id, payment_of(charge_id), actor="event")


def give_up(charge_id: int) -> None:
    assert record_outcome(charge_id, GONE, actor="operator")


LOST = [take_over, pay, give_up]


class TestClaim:
    def test_the_first_one_is_certain_and_holds_the_row_for_a_lease(self, charge_id: int) -> None:
        with clock.frozen(clock.now()):
            assert hold(charge_id) == Attempt(Charge, charge_id, 1, uncertain=False, too_old=False)
            assert read(charge_id, "fence", "tries", "leased_until", "first_called_at") == (
                1, 1, clock.now() + LEASE, clock.now(),
            )  # fmt: skip

    def test_after_a_run_that_told_nothing_the_outcome_is_uncertain(self, charge_id: int) -> None:
        """The worker may have died after its call."""
        hold(charge_id)
        with clock.frozen(clock.now() + LEASE + timedelta(seconds=1)):
            second = hold(charge_id)
        assert (second.fence, second.uncertain) == (2, True)

    def test_a_row_that_is_held_is_nobody_elses(self, charge_id: int) -> None:
        hold(charge_id)
        assert claim(charge_id) is None

    def test_a_row_that_is_not_due_is_left_alone(self, charge_id: int) -> None:
        write(charge_id, due_at=clock.now() + timedelta(minutes=1))
        assert claim(charge_id) is None
        assert read(charge_id, "fence", "tries") == (0, 0)

    @pytest.mark.parametrize("settle", [pay, give_up])
    def test_a_row_that_is_settled_is_left_alone(
        self, charge_id: int, settle: Callable[[int], None]
    ) -> None:
        settle(charge_id)
        assert claim(charge_id) is None

    def test_the_moment_of_the_first_call_stays(self, charge_id: int) -> None:
        hold(charge_id)
        first = read(charge_id, "first_called_at")
        take_over(charge_id)
        assert read(charge_id, "first_called_at") == first

    @pytest.mark.parametrize(("called", "is_legacy"), [(False, False), (True, True)])
    def test_a_former_releases_row_stays_so_only_if_it_was_called_before(
        self, charge_id: int, called: bool, is_legacy: bool
    ) -> None:
        """What nobody has asked Stripe for yet is asked for under the names of today."""
        first = clock.now() if called else None
        write(charge_id, legacy_metadata=True, first_called_at=first)
        hold(charge_id)
        assert read(charge_id, "legacy_metadata") is is_legacy

    @pytest.mark.parametrize(
        ("age", "too_old"),
        [(KEY_LIVES - timedelta(minutes=1), False), (KEY_LIVES + timedelta(minutes=1), True)],
    )
    def test_a_key_that_stripe_may_have_forgotten_is_too_old(
        self, charge_id: int, age: timedelta, too_old: bool
    ) -> None:
        with clock.frozen(read(charge_id, "created_at") + age):
            assert hold(charge_id).too_old is too_old

    def test_a_row_that_was_tried_too_often_is_flagged_and_comes_back_late(
        self, charge_id: int
    ) -> None:
        """It may be what kills its workers."""
        write(charge_id, tries=MOST_TRIES - 1)
        hold(charge_id)
        assert not read(charge_id, "needs_attention")
        with clock.frozen(clock.now() + LEASE + timedelta(seconds=1)):
            hold(charge_id)
            flagged, code, due_at = read(charge_id, "needs_attention", "attention_code", "due_at")
            assert (flagged, code) == (True, "tried_too_often")
            assert due_at > clock.now() + timedelta(minutes=10)


class TestRenew:
    def test_the_lease_runs_anew_from_now(self, charge_id: int) -> None:
        attempt = hold(charge_id)
        with clock.frozen(clock.now() + LEASE / 2):
            attempts.renew(attempt)
            assert read(charge_id, "leased_until") == clock.now() + LEASE

    def test_a_lease_that_ran_out_is_renewed_while_nobody_else_has_the_row(
        self, charge_id: int
    ) -> None:
        attempt = hold(charge_id)
        with clock.frozen(clock.now() + 2 * LEASE):
            attempts.renew(attempt)
            assert claim(charge_id) is None

    @pytest.mark.parametrize("lose", LOST)
    def test_it_is_lost_to_whoever_took_or_settled_the_row(
        self, charge_id: int, lose: Callable[[int], None]
    ) -> None:
        attempt = hold(charge_id)
        lose(charge_id)
        before = read(charge_id, "leased_until")
        with pytest.raises(LeaseLost):
            attempts.renew(attempt)
        assert read(charge_id, "leased_until") == before

    def test_it_outlives_the_longest_call(self) -> None:
        assert LEASE_SECONDS > CONNECT_SECONDS + WORKER_READ_SECONDS


class TestStorePaymentIntent:
    def test_the_id_is_committed_and_the_lease_renewed(self, charge_id: int) -> None:
        attempt = hold(charge_id)
        with clock.frozen(clock.now() + LEASE / 2):
            attempts.store_payment_intent(attempt, f"pi_stored_{charge_id}")
            assert read(charge_id, "stripe_payment_intent_id", "leased_until") == (
                f"pi_stored_{charge_id}", clock.now() + LEASE,
            )  # fmt: skip

    @pytest.mark.parametrize("lose", [take_over, give_up])
    def test_nothing_is_stored_once_the_row_is_lost(
        self, charge_id: int, lose: Callable[[int], None]
    ) -> None:
        """So nobody confirms what was created too late."""
        attempt = hold(charge_id)
        lose(charge_id)
        with pytest.raises(LeaseLost):
            attempts.store_payment_intent(attempt, "pi_late")
        assert read(charge_id, "stripe_payment_intent_id") is None


class TestPutBack:
    def test_the_row_is_free_and_due_after_a_wait(self, charge_id: int) -> None:
        attempts.put_back(hold(charge_id))
        leased, due_at, tries = read(charge_id, "leased_until", "due_at", "tries")
        assert (leased, tries) == (None, 1)
        assert clock.now() < due_at < clock.now() + timedelta(seconds=3)

    @pytest.mark.parametrize("uncertain", [True, False])
    def test_it_says_whether_the_outcome_is_known(self, charge_id: int, uncertain: bool) -> None:
        attempts.put_back(hold(charge_id), uncertain=uncertain)
        assert read(charge_id, "uncertain") is uncertain

    def test_what_was_uncertain_stays_so(self, charge_id: int) -> None:
        """A later call that surely did nothing tells nothing of the first."""
        attempts.put_back(hold(charge_id), uncertain=True)
        with clock.frozen(clock.now() + timedelta(minutes=1)):
            attempts.put_back(hold(charge_id), uncertain=False)
        assert read(charge_id, "uncertain") is True

    @pytest.mark.parametrize("lose", LOST)
    def test_a_row_that_is_lost_is_left_as_it_is(
        self, charge_id: int, lose: Callable[[int], None]
    ) -> None:
        attempt = hold(charge_id)
        lose(charge_id)
        before = read(charge_id, "leased_until", "due_at", "uncertain", "status", "tries")
        attempts.put_back(attempt)
        attempts.put_back_waiting(attempt, uncertain=True)
        after = read(charge_id, "leased_until", "due_at", "uncertain", "status", "tries")
        assert after == before

    @pytest.mark.parametrize("put_back", [attempts.put_back, attempts.put_back_waiting])
    @pytest.mark.parametrize(
        ("uncertain", "waited", "code"),
        [
            (True, UNKNOWN_AFTER - timedelta(seconds=1), None),
            (True, UNKNOWN_AFTER, "outcome_unknown"),
            (False, UNKNOWN_AFTER, None),
        ],
    )
    def test_an_outcome_that_is_long_unknown_asks_for_a_person(
        self, charge_id: int, put_back: Callable[..., None], uncertain: bool,
        waited: timedelta, code: str | None,
    ) -> None:  # fmt: skip
        with clock.frozen(clock.now()) as advance:
            attempt = hold(charge_id)
            advance(waited)
            put_back(attempt, uncertain=uncertain)
        flagged, found = read(charge_id, "needs_attention", "attention_code")
        assert (flagged, found) == (code is not None, code)
        assert read(charge_id, "is_outcome_unknown") is flagged

    def test_the_flag_goes_with_the_outcome(self, charge_id: int) -> None:
        with clock.frozen(clock.now()) as advance:
            attempt = hold(charge_id)
            advance(UNKNOWN_AFTER)
            attempts.put_back(attempt)
        assert read(charge_id, "needs_attention")
        pay(charge_id)
        assert read(charge_id, "needs_attention", "attention_code", "is_outcome_unknown") == (
            False, None, False,
        )  # fmt: skip

    def test_waiting_for_room_is_no_try(self, charge_id: int) -> None:
        attempts.put_back_waiting(hold(charge_id), uncertain=False)
        assert read(charge_id, "tries", "throttled", "leased_until") == (0, 1, None)


# What an error settles of a row: is its outcome uncertain then, was it a try, is it flagged?
ERRORS: list[tuple[GatewayError, bool, int, str | None]] = [
    (Unavailable("no connection", code="connection"), False, 1, None),
    (Unavailable("slow down", code=RATE_LIMIT), False, 0, None),
    (OutcomeUnknown("lost", code="connection"), True, 1, None),
    (OutcomeUnknown("still running", code=KEY_IN_USE), True, 0, None),
    (BadCredentials("revoked", code=None), False, 1, None),
    (Rejected("other parameters", code=None, key_reused=True), True, 1, "idempotency_key_reused"),
]


class TestPostpone:
    @pytest.mark.parametrize(
        ("error", "uncertain", "tries", "code"),
        ERRORS,
        ids=[f"{type(each[0]).__name__}-{each[0].code}" for each in ERRORS],
    )
    def test_each_error(
        self, charge_id: int, error: GatewayError, uncertain: bool, tries: int, code: str | None
    ) -> None:
        attempts.postpone(hold(charge_id), error)
        assert read(charge_id, "status", "leased_until", "uncertain", "tries") == (
            "pending", None, uncertain, tries,
        )  # fmt: skip
        assert read(charge_id, "attention_code") == code
        assert read(charge_id, "due_at") > clock.now()


def test_our_day_is_shorter_than_stripes() -> None:
    """A key that Stripe may have forgotten must not be used again."""
    assert timedelta(hours=24) > KEY_LIVES
