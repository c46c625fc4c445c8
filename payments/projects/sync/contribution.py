"""What one row adds to its project's counters: the sums move by the difference of these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import sqlalchemy as sa

from payments.kit.db import db
from payments.projects.models import Payment, ProjectRevenue, ProjectTotals, Subscription
from payments.projects.models.ledger import ACTIVE
from payments.projects.sync.account import Account

SUCCEEDED = "succeeded"
# Money that the project still has, less what was given back.
KEPT = (SUCCEEDED, "partially_refunded")


@dataclass(frozen=True)
class Revenue:
    """What the payments in one currency add up to; `cents` are minor units of that currency."""

    successful_payments: int = 0
    cents: int = 0

    def __add__(self, other: Revenue) -> Revenue:
        return Revenue(
            self.successful_payments + other.successful_payments, self.cents + other.cents
        )

    def __neg__(self) -> Revenue:
        return Revenue(-self.successful_payments, -self.cents)


NO_REVENUE = Revenue()


@dataclass(frozen=True)
class Counts:
    """A share of the counters, or a difference of two shares.

    `revenue` holds a currency only where it counts something: unlike units are never added.
    """

    subscriptions: int = 0
    active_subscriptions: int = 0
    payments: int = 0
    revenue: Mapping[str, Revenue] = field(default_factory=dict)

    @property
    def totals(self) -> dict[str, int]:
        """The columns of `ProjectTotals`."""
        return {
            "subscriptions": self.subscriptions,
            "active_subscriptions": self.active_subscriptions,
            "payments": self.payments,
        }

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.subscriptions + other.subscriptions,
            self.active_subscriptions + other.active_subscriptions,
            self.payments + other.payments,
            _add_by_currency(self.revenue, other.revenue),
        )

    def __sub__(self, other: Counts) -> Counts:
        return self + Counts(
            -other.subscriptions,
            -other.active_subscriptions,
            -other.payments,
            {currency: -part for currency, part in other.revenue.items()},
        )


NOTHING = Counts()


def contribution(row: Subscription | Payment) -> Counts:
    """Count a row: revenue is what succeeded, less what of it was given back."""
    if isinstance(row, Subscription):
        return Counts(subscriptions=1, active_subscriptions=int(row.status in ACTIVE))
    if row.status not in KEPT:
        return Counts(payments=1)
    kept = row.amount_cents - row.refunded_amount_cents
    return Counts(payments=1, revenue={row.currency: Revenue(int(row.status == SUCCEEDED), kept)})


def move_totals(totals: ProjectTotals, by: Counts) -> None:
    """Move the counters that have no currency by a difference."""
    for name, value in by.totals.items():
        setattr(totals, name, getattr(totals, name) + value)


def move_revenue(account: Account, owner_id: int, by: Mapping[str, Revenue]) -> None:
    """Move the counters of these currencies; the caller holds the account's `ProjectTotals`."""
    if not by:
        return
    query = sa.select(ProjectRevenue).where(
        *account.owns(ProjectRevenue), ProjectRevenue.currency.in_(sorted(by))
    )
    held = {row.currency: row for row in db.session.scalars(query)}
    for currency, part in by.items():
        row = held.get(currency) or _add_revenue(account, owner_id, currency)
        row.successful_payments += part.successful_payments
        row.revenue_cents += part.cents
        if not row.successful_payments and not row.revenue_cents:
            db.session.delete(row)


def _add_revenue(account: Account, owner_id: int, currency: str) -> ProjectRevenue:
    row = ProjectRevenue(
        project_id=account.project_id,
        is_test_mode=account.is_test_mode,
        currency=currency,
        owner_id=owner_id,
        successful_payments=0,
        revenue_cents=0,
    )
    db.session.add(row)
    return row


def _add_by_currency(
    some: Mapping[str, Revenue], others: Mapping[str, Revenue]
) -> dict[str, Revenue]:
    sums = {
        currency: some.get(currency, NO_REVENUE) + others.get(currency, NO_REVENUE)
        for currency in {**some, **others}
    }
    return {currency: part for currency, part in sums.items() if part != NO_REVENUE}
