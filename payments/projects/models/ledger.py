"""What Stripe told us of a project's subscriptions and payments, and the sums kept with them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from payments.kit.db import Base, Stamped
from payments.projects.models.projects import new_uuid

ACTIVE = ("active", "trialing")
# https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses: never left again.
FINAL = ("canceled", "incomplete_expired")
# Why a row ended that Stripe never told the end of.
GONE_AT_STRIPE = "gone_at_stripe"
# The first payment is still open: https://docs.stripe.com/billing/subscriptions/overview
INCOMPLETE = "incomplete"

_FLAGGED = sa.text("needs_attention")


class Subscription(Base, Stamped):
    """A subscription of an end user. `owner_id` is the developer's, for lists across projects.

    `state_at` is Stripe's second of the newest state applied: what an older event says never
    overwrites it, and a final status is never left. With an `ended_reason` the end is our own
    conclusion, which Stripe may still contradict. `add_ons` are the items beside the plan: price,
    name and quantity of each. `version` is that of the ledger (`ProjectTotals.version`) when the
    row was last written.
    """

    __tablename__ = "subscriptions"
    __table_args__ = (
        sa.UniqueConstraint("project_id", "is_test_mode", "subscription_id"),
        sa.Index("ix_subscriptions_owner", "owner_id", "is_test_mode", "created_at"),
        sa.Index("ix_subscriptions_project", "project_id", "is_test_mode", "created_at"),
        sa.Index("ix_subscriptions_user", "project_id", "is_test_mode", "user_id"),
        sa.Index(
            "ix_subscriptions_attention", "project_id",
            postgresql_where=_FLAGGED, sqlite_where=_FLAGGED,
        ),
    )  # fmt: skip

    id: Mapped[str] = mapped_column(sa.String(36), primary_key=True, default=new_uuid)
    project_id: Mapped[str] = mapped_column(sa.ForeignKey("projects.id"))
    owner_id: Mapped[int] = mapped_column(sa.BigInteger)
    user_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    is_test_mode: Mapped[bool]
    subscription_id: Mapped[str] = mapped_column(sa.String(255))
    customer_id: Mapped[str | None] = mapped_column(sa.String(255))
    status: Mapped[str] = mapped_column(sa.String(30))
    price_id: Mapped[str | None] = mapped_column(sa.String(255))
    plan_name: Mapped[str | None] = mapped_column(sa.String(255))
    quantity: Mapped[int] = mapped_column(default=1)
    current_period_start: Mapped[datetime | None]
    current_period_end: Mapped[datetime | None]
    cancel_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    # Set when a person has to look at it: a second live subscription of the same end user.
    needs_attention: Mapped[bool] = mapped_column(default=False)
    # Its Checkout was opened with `allow_existing_subscription`: it may stand beside another.
    second_allowed: Mapped[bool] = mapped_column(default=False)
    add_ons: Mapped[list[dict[str, Any]]] = mapped_column(
        sa.JSON, default=list, server_default="[]"
    )
    had_trial: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    ended_reason: Mapped[str | None] = mapped_column(sa.String(40))
    state_at: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    version: Mapped[int] = mapped_column(sa.BigInteger, default=1, server_default="1")


class Payment(Base, Stamped):
    """A payment of an end user, one row a PaymentIntent; amounts in minor units.

    An invoice finalized before March 2019 may be paid by a charge without a PaymentIntent: then
    `payment_intent_id` holds the charge's id. `state_at` and `version` are as those of a
    subscription.
    https://docs.stripe.com/api/invoice-payment/object#invoice_payment_object-payment-charge
    `state_at` and `version` are as those of a subscription.
    """

    __tablename__ = "payments"
    __table_args__ = (
        sa.UniqueConstraint("project_id", "is_test_mode", "payment_intent_id"),
        sa.Index("ix_payments_owner", "owner_id", "is_test_mode", "created_at"),
        sa.Index("ix_payments_project", "project_id", "is_test_mode", "created_at"),
        sa.Index("ix_payments_user", "project_id", "is_test_mode", "user_id"),
    )

    id: Mapped[str] = mapped_column(sa.String(36), primary_key=True, default=new_uuid)
    project_id: Mapped[str] = mapped_column(sa.ForeignKey("projects.id"))
    owner_id: Mapped[int] = mapped_column(sa.BigInteger)
    user_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    subscription_row_id: Mapped[str | None] = mapped_column(sa.ForeignKey("subscriptions.id"))
    is_test_mode: Mapped[bool]
    payment_intent_id: Mapped[str] = mapped_column(sa.String(255))
    invoice_id: Mapped[str | None] = mapped_column(sa.String(255))
    customer_id: Mapped[str | None] = mapped_column(sa.String(255))
    status: Mapped[str] = mapped_column(sa.String(30))
    amount_cents: Mapped[int] = mapped_column(sa.BigInteger)
    currency: Mapped[str] = mapped_column(sa.String(3))
    description: Mapped[str | None] = mapped_column(sa.String(500))
    refunded_amount_cents: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    disputed: Mapped[bool] = mapped_column(default=False)
    state_at: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    version: Mapped[int] = mapped_column(sa.BigInteger, default=1, server_default="1")


class ProjectTotals(Base):
    """Counters of a project and mode, moved in the transaction that moves the rows they count.

    `version` grows by one with each of these transactions.
    """

    __tablename__ = "project_totals"
    __table_args__ = (sa.Index("ix_project_totals_owner", "owner_id"),)

    project_id: Mapped[str] = mapped_column(sa.ForeignKey("projects.id"), primary_key=True)
    is_test_mode: Mapped[bool] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(sa.BigInteger)
    version: Mapped[int] = mapped_column(sa.BigInteger, default=1, server_default="1")
    subscriptions: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    active_subscriptions: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    payments: Mapped[int] = mapped_column(sa.BigInteger, default=0)


class ProjectRevenue(Base):
    """Counters of a project, mode and currency, where there is anything to count.

    Whoever moves them holds the account's `ProjectTotals`.
    """

    __tablename__ = "project_revenues"
    __table_args__ = (sa.Index("ix_project_revenues_owner", "owner_id"),)

    project_id: Mapped[str] = mapped_column(sa.ForeignKey("projects.id"), primary_key=True)
    is_test_mode: Mapped[bool] = mapped_column(primary_key=True)
    currency: Mapped[str] = mapped_column(sa.String(3), primary_key=True)
    owner_id: Mapped[int] = mapped_column(sa.BigInteger)
    successful_payments: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    revenue_cents: Mapped[int] = mapped_column(sa.BigInteger, default=0)
