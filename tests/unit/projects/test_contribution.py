"""What a row counts for, and that counters moved step by step equal the rows counted at the end."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payments.projects.models import Payment, ProjectTotals, Subscription
from payments.projects.sync.contribution import NOTHING, Counts, contribution, move

SUBSCRIPTIONS = ("active", "trialing", "past_due", "unpaid", "incomplete", "canceled", "paused")
PAYMENTS = ("succeeded", "pending", "failed", "canceled", "refunded", "disputed")


class TestContribution:
    @pytest.mark.parametrize("status", SUBSCRIPTIONS)
    def test_a_subscription(self, status: str) -> None:
        active = int(status in {"active", "trialing"})
        assert contribution(Subscription(status=status)) == Counts(1, active)

    @pytest.mark.parametrize("status", PAYMENTS)
    def test_a_payment(self, status: str) -> None:
        paid = int(status == "succeeded")
        row = Payment(status=status, amount_cents=700)
        assert contribution(row) == Counts(0, 0, 1, paid, 700 * paid)


changes = st.lists(
    st.tuples(st.integers(0, 4), st.sampled_from(SUBSCRIPTIONS + PAYMENTS), st.integers(0, 9999))
)


@settings(derandomize=True, database=None)
@given(history=changes)
def test_counters_follow_any_history(history: list[tuple[int, str, int]]) -> None:
    totals = ProjectTotals(**dict.fromkeys(Counts.__dataclass_fields__, 0))
    rows: dict[tuple[type, int], Subscription | Payment] = {}
    for number, status, amount in history:
        model = Subscription if status in SUBSCRIPTIONS else Payment
        row = rows.get((model, number))
        before = NOTHING if row is None else contribution(row)
        row = rows.setdefault((model, number), model())
        row.status = status
        if isinstance(row, Payment):
            row.amount_cents = amount
        move(totals, contribution(row) - before)
    held = Counts(*(getattr(totals, name) for name in Counts.__dataclass_fields__))
    assert held == sum(map(contribution, rows.values()), NOTHING)
