"""What a row counts for, and that counters moved step by step equal the rows counted at the end."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payments.projects.models import Payment, ProjectTotals, Subscription
from payments.projects.sync.contribution import (
    NO_REVENUE,
    NOTHING,
    Counts,
    Revenue,
    contribution,
    move_totals,
)

SUBSCRIPTIONS = ("active", "trialing", "past_due", "unpaid", "incomplete", "canceled", "paused")
WITHOUT_MONEY = ("pending", "failed", "canceled", "refunded", "disputed")
PAYMENTS = ("succeeded", "partially_refunded", *WITHOUT_MONEY)
CURRENCIES = ("usd", "jpy", "kwd")


def payment(status: str, amount: int, currency: str = "usd", back: int = 0) -> Payment:
    money = {"amount_cents": amount, "currency": currency, "refunded_amount_cents": back}
    return Payment(status=status, **money)


class TestContribution:
    @pytest.mark.parametrize("status", SUBSCRIPTIONS)
    def test_a_subscription(self, status: str) -> None:
        active = int(status in {"active", "trialing"})
        assert contribution(Subscription(status=status)) == Counts(1, active)

    def test_a_successful_payment(self) -> None:
        counts = contribution(payment("succeeded", 700, "jpy"))
        assert counts == Counts(payments=1, revenue={"jpy": Revenue(1, 700)})

    def test_what_was_given_back_in_part_counts_with_the_rest(self) -> None:
        counts = contribution(payment("partially_refunded", 999, back=100))
        assert counts == Counts(payments=1, revenue={"usd": Revenue(0, 899)})

    @pytest.mark.parametrize("status", WITHOUT_MONEY)
    def test_a_payment_without_money(self, status: str) -> None:
        assert contribution(payment(status, 700, back=7)) == Counts(payments=1)


def test_unlike_currencies_stay_apart() -> None:
    yen, dollars = payment("succeeded", 500_000, "jpy"), payment("succeeded", 10_000)
    both = contribution(yen) + contribution(dollars)
    assert both.revenue == {"jpy": Revenue(1, 500_000), "usd": Revenue(1, 10_000)}
    assert (both - contribution(yen)).revenue == {"usd": Revenue(1, 10_000)}
    assert both - both == NOTHING


changes = st.lists(
    st.tuples(
        st.integers(0, 4),
        st.sampled_from(SUBSCRIPTIONS + PAYMENTS),
        st.integers(0, 9999),
        st.sampled_from(CURRENCIES),
    )
)


@settings(derandomize=True, database=None)
@given(history=changes)
def test_counters_follow_any_history(history: list[tuple[int, str, int, str]]) -> None:
    totals = ProjectTotals(**NOTHING.totals)
    revenue = dict.fromkeys(CURRENCIES, NO_REVENUE)
    rows: dict[tuple[type, int], Counts] = {}
    for number, status, amount, currency in history:
        row = (
            Subscription(status=status)
            if status in SUBSCRIPTIONS
            else payment(status, amount, currency, back=amount // 3)
        )
        moved = contribution(row) - rows.get((type(row), number), NOTHING)
        rows[type(row), number] = contribution(row)
        move_totals(totals, moved)
        for code, part in moved.revenue.items():
            revenue[code] += part
    counted = sum(rows.values(), NOTHING)
    assert {name: getattr(totals, name) for name in NOTHING.totals} == counted.totals
    held = {code: part for code, part in revenue.items() if part != NO_REVENUE}
    assert held == {code: part for code, part in counted.revenue.items() if part != NO_REVENUE}
