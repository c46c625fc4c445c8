"""Charges and refunds: units of work with a state, an attempt and a due time."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from payments.installation.models import Referenced
from payments.kit.db import Base, BigId, Leased, Stamped

PENDING, REQUIRES_ACTION = "pending", "requires_action"
SUCCEEDED, FAILED, CANCELED = "succeeded", "failed", "canceled"
OPEN = (PENDING, REQUIRES_ACTION)

# We gave up without Stripe's word: whatever Stripe says of its object later counts for more.
ABANDONED = "abandoned"
# A refund that Stripe took but has not paid out yet.
SUBMITTED = "submitted"

# Why a row needs a person.
OUTCOME_UNKNOWN = "outcome_unknown"
TRIED_TOO_OFTEN = "tried_too_often"
KEY_REUSED = "idempotency_key_reused"
FACTS_DISAGREE = "facts_disagree"
PAID_TWICE = "paid_twice"
PAID_LATE = "paid_for_no_upgrade"
NOT_AT_STRIPE = "not_at_stripe"
REFUND_ELSEWHERE = "refunded_elsewhere"
DISPUTED = "disputed"
# What is over by itself once the outcome is known.
PASSING = frozenset({OUTCOME_UNKNOWN, TRIED_TOO_OFTEN, KEY_REUSED, REFUND_ELSEWHERE})

_OPEN = sa.text("status IN ('pending', 'requires_action')")
# Few rows ever ask for a person: their index costs nothing, and `/metrics` counts by it.
ATTENTION = sa.text("needs_attention")
# Failed, and its PaymentIntent is not known to be canceled.
UNCLOSED = sa.text("status = 'failed' AND uncertain")


class MovesMoney(Stamped, Leased, Referenced):
    """What charges and refunds share: one object at Stripe each, asked for under one key.

    `uncertain` says that a call's outcome never reached us. `attempt` counts the keys that rows of
    former releases used; it stays 1 for new ones.
    """

    key_prefix: ClassVar[str]

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    # The client's own Idempotency-Key: a request repeated after a crash finds its row again.
    request_key: Mapped[str | None] = mapped_column(sa.String(300), unique=True)
    status: Mapped[str] = mapped_column(sa.String(20), default=PENDING)
    attempt: Mapped[int] = mapped_column(default=1)
    first_called_at: Mapped[datetime | None]
    uncertain: Mapped[bool] = mapped_column(default=False)
    needs_attention: Mapped[bool] = mapped_column(default=False)
    attention_code: Mapped[str | None] = mapped_column(sa.String(40))
    error_code: Mapped[str | None] = mapped_column(sa.String(100))
    error_message: Mapped[str | None] = mapped_column(sa.String(500))
    settled_at: Mapped[datetime | None]

    @property
    def is_outcome_unknown(self) -> bool:
        """Return whether Stripe has not told for long what became of it."""
        return self.status == PENDING and self.attention_code == OUTCOME_UNKNOWN


class Charge(Base, MovesMoney):
    """One request to take money for a plan; its invoice stands from the start."""

    __tablename__ = "charges"
    key_prefix = "charge"
    __table_args__ = (
        # One open charge a workspace: the last guard against a double click.
        sa.Index(
            "uq_charges_open", "workspace_id", unique=True,
            postgresql_where=_OPEN, sqlite_where=_OPEN,
        ),
        sa.Index("ix_charges_due", "status", "due_at"),
        sa.Index("ix_charges_unclosed", "id", postgresql_where=UNCLOSED, sqlite_where=UNCLOSED),
        sa.Index(
            "ix_charges_attention", "id", postgresql_where=ATTENTION, sqlite_where=ATTENTION
        ),
        sa.CheckConstraint("amount_minor >= 0", name="amount"),
    )  # fmt: skip

    workspace_id: Mapped[int] = mapped_column(sa.ForeignKey("workspaces.id"), index=True)
    requested_by: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    invoice_id: Mapped[int] = mapped_column(sa.ForeignKey("invoices.id"), unique=True)
    plan_id: Mapped[int] = mapped_column(sa.ForeignKey("pricing_plans.id"))
    payment_method_id: Mapped[int | None] = mapped_column(sa.ForeignKey("payment_methods.id"))
    stripe_payment_method_id: Mapped[str] = mapped_column(sa.String(255))
    # Whose PaymentIntent it is; a payment by anybody else is not this charge's.
    stripe_customer_id: Mapped[str | None] = mapped_column(sa.String(255))
    amount_minor: Mapped[int] = mapped_column(sa.BigInteger)
    currency: Mapped[str] = mapped_column(sa.String(3))
    stripe_payment_intent_id: Mapped[str | None] = mapped_column(sa.String(255), unique=True)
    decline_code: Mapped[str | None] = mapped_column(sa.String(100))
    expires_at: Mapped[datetime | None]


class Refund(Base, MovesMoney):
    """Money on its way back, asked for here or made in Stripe's dashboard."""

    __tablename__ = "refunds"
    key_prefix = "refund"
    __table_args__ = (
        sa.Index("ix_refunds_due", "status", "due_at"),
        sa.Index("ix_refunds_attention", "id", postgresql_where=ATTENTION, sqlite_where=ATTENTION),
        sa.CheckConstraint("amount_minor > 0", name="amount"),
    )

    workspace_id: Mapped[int] = mapped_column(sa.ForeignKey("workspaces.id"))
    charge_id: Mapped[int] = mapped_column(sa.ForeignKey("charges.id"), index=True)
    invoice_id: Mapped[int] = mapped_column(sa.ForeignKey("invoices.id"), index=True)
    requested_by: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    amount_minor: Mapped[int] = mapped_column(sa.BigInteger)
    currency: Mapped[str] = mapped_column(sa.String(3))
    reason: Mapped[str | None] = mapped_column(sa.String(500))
    stripe_refund_id: Mapped[str | None] = mapped_column(sa.String(255), unique=True)
