"""What a PaymentIntent means for a charge, and that a status only ever climbs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.gateway.errors import Declined, Rejected
from payments.gateway.results import Payment, RefundResult
from payments.workspaces.charges import outcomes
from payments.workspaces.charges.record import _RANK as CHARGE_RANK
from payments.workspaces.models.charges import (
    ABANDONED,
    CANCELED,
    FAILED,
    OPEN,
    PENDING,
    REQUIRES_ACTION,
    SUBMITTED,
    SUCCEEDED,
)
from payments.workspaces.refunds.record import _RANK as REFUND_RANK
from payments.workspaces.refunds.record import of_result

PAYMENT = Payment(
    id="pi_1",
    status="succeeded",
    amount=999,
    currency="usd",
    client_secret="pi_1_secret_x",
    payment_method="pm_1",
    metadata={},
    error_code=None,
    decline_code=None,
    error_message=None,
)
# https://docs.stripe.com/payments/paymentintents/lifecycle
STATUSES = [
    "requires_payment_method", "requires_confirmation", "requires_action", "processing",
    "requires_capture", "canceled", "succeeded",
]  # fmt: skip


class TestOfPayment:
    @pytest.mark.parametrize(
        ("status", "error", "expected"),
        [
            ("succeeded", None, SUCCEEDED),
            ("canceled", None, CANCELED),
            ("canceled", "authentication_required", CANCELED),
            ("requires_action", None, REQUIRES_ACTION),
            ("requires_payment_method", "authentication_required", REQUIRES_ACTION),
            ("requires_payment_method", "card_declined", FAILED),
            ("requires_payment_method", "payment_intent_authentication_failure", FAILED),
            ("requires_payment_method", None, PENDING),
            ("requires_confirmation", None, PENDING),
            ("processing", None, PENDING),
            ("requires_capture", None, PENDING),
            ("something_new", None, PENDING),
        ],
    )
    def test_each_status(self, status: str, error: str | None, expected: str) -> None:
        outcome = outcomes.of_payment(replace(PAYMENT, status=status, error_code=error))
        assert (outcome.status, outcome.payment_intent) == (expected, "pi_1")

    def test_a_success_leaves_no_error(self) -> None:
        """A former try's error may still hang on the object."""
        outcome = outcomes.of_payment(replace(PAYMENT, error_code="card_declined"))
        assert outcome == outcomes.Outcome(SUCCEEDED, "pi_1")

    def test_a_decline_keeps_stripes_words(self) -> None:
        declined = replace(
            PAYMENT,
            status="requires_payment_method",
            error_code="card_declined",
            decline_code="lost_card",
            error_message="Your card was declined.",
        )
        assert outcomes.of_payment(declined) == outcomes.Outcome(
            FAILED, "pi_1", "card_declined", "lost_card", "Your card was declined."
        )

    @given(status=st.sampled_from(STATUSES) | st.text(max_size=30), code=st.none() | st.text())
    def test_only_succeeded_is_money(self, status: str, code: str | None) -> None:
        outcome = outcomes.of_payment(replace(PAYMENT, status=status, error_code=code))
        assert (outcome.status == SUCCEEDED) == (status == "succeeded")

    def test_the_secret_stays_out_of_the_repr(self) -> None:
        assert "secret" not in repr(PAYMENT)


class TestOfErrors:
    def test_a_decline_without_a_code_is_a_declined_card(self) -> None:
        error = Declined("No.", code=None, decline_code=None, payment=None)
        outcome = outcomes.of_decline(error)
        assert (outcome.status, outcome.error_code) == (FAILED, "card_declined")

    def test_a_refusal_names_no_payment(self) -> None:
        outcome = outcomes.of_refusal(Rejected("no", code="x"), "stripe_error")
        assert outcome == outcomes.Outcome(FAILED, None, "stripe_error", None, "no")

    def test_missing_authentication_has_a_sentence(self) -> None:
        outcome = outcomes.needs_action("pi_1")
        assert (outcome.status, outcome.error_code) == (REQUIRES_ACTION, "authentication_required")
        assert outcome.message


class TestRanks:
    def test_every_status_has_one(self) -> None:
        both = {PENDING, ABANDONED, FAILED, CANCELED, SUCCEEDED}
        assert set(CHARGE_RANK) == both | {REQUIRES_ACTION}
        assert set(REFUND_RANK) == both | {SUBMITTED}

    def test_money_taken_is_the_last_word_of_a_charge(self) -> None:
        assert all(
            CHARGE_RANK[SUCCEEDED] > rank for s, rank in CHARGE_RANK.items() if s != SUCCEEDED
        )

    def test_what_is_open_stands_below_what_is_settled(self) -> None:
        settled = [rank for status, rank in CHARGE_RANK.items() if status not in OPEN]
        assert max(CHARGE_RANK[status] for status in OPEN) < min(settled)

    @pytest.mark.parametrize("ranks", [CHARGE_RANK, REFUND_RANK])
    def test_what_we_gave_up_stands_below_all_that_stripe_says_of_what_is_over(
        self, ranks: dict[str, int]
    ) -> None:
        theirs = {SUBMITTED, FAILED, CANCELED, SUCCEEDED} & set(ranks)
        assert all(ranks[PENDING] < ranks[ABANDONED] < ranks[status] for status in theirs)

    def test_a_refund_may_fail_after_it_succeeded(self) -> None:
        assert REFUND_RANK[FAILED] > REFUND_RANK[SUCCEEDED]


class TestOfRefund:
    @pytest.mark.parametrize(
        ("status", "expected"),
        [
            ("pending", SUBMITTED),
            ("requires_action", SUBMITTED),
            ("something_new", SUBMITTED),
            ("succeeded", SUCCEEDED),
            ("failed", FAILED),
            ("canceled", CANCELED),
        ],
    )
    def test_each_status(self, status: str, expected: str) -> None:
        """A refund that Stripe took is never `pending` here: it must not be asked for again."""
        result = RefundResult("re_1", status, 1, "usd", None, "lost_or_stolen_card", 1, {})
        outcome = of_result(result)
        assert (outcome.status, outcome.stripe_refund) == (expected, "re_1")
        assert outcome.error_code == "lost_or_stolen_card"
