"""What one row adds to its project's counters: the sums move by the difference of these."""

from __future__ import annotations

from dataclasses import astuple, dataclass

from payments.projects.models import Payment, ProjectTotals, Subscription
from payments.projects.models.ledger import ACTIVE

SUCCEEDED = "succeeded"


@dataclass(frozen=True)
class Counts:
    """A share of the counters, or a difference of two shares."""

    subscriptions: int = 0
    active_subscriptions: int = 0
    payments: int = 0
    successful_payments: int = 0
    revenue_cents: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def __sub__(self, other: Counts) -> Counts:
        return Counts(*(a - b for a, b in zip(astuple(self), astuple(other), strict=True)))


NOTHING = Counts()


def contribution(row: Subscription | Payment) -> Counts:
    """Count a row: revenue is what succeeded and was not given back in any part."""
    if isinstance(row, Subscription):
        return Counts(subscriptions=1, active_subscriptions=int(row.status in ACTIVE))
    paid = row.status == SUCCEEDED
    return Counts(
        payments=1, successful_payments=int(paid), revenue_cents=row.amount_cents if paid else 0
    )


def move(totals: ProjectTotals, by: Counts) -> None:
    """Move the counters by a difference."""
    if by == NOTHING:
        return
    totals.subscriptions += by.subscriptions
    totals.active_subscriptions += by.active_subscriptions
    totals.payments += by.payments
    totals.successful_payments += by.successful_payments
    totals.revenue_cents += by.revenue_cents
