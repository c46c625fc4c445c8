"""Invoices, the day's counter of their numbers, and the state of their PDFs."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from payments.kit import clock
from payments.kit.db import Base, BigId, Leased, Stamped

PENDING, PAID, FAILED, REFUNDED = "pending", "paid", "failed", "refunded"
UPGRADE, DOWNGRADE = "plan_upgrade", "plan_downgrade"


class Invoice(Base, Stamped):
    """One numbered invoice. Names of plans and the card are kept as they were when it was made."""

    __tablename__ = "invoices"
    __table_args__ = (
        sa.Index("ix_invoices_listed", "workspace_id", "id"),
        sa.CheckConstraint("status IN ('pending', 'paid', 'failed', 'refunded')", name="status"),
        sa.CheckConstraint(
            "refunded_minor >= 0 AND refunded_minor <= amount_minor", name="refunded"
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    workspace_id: Mapped[int] = mapped_column(sa.ForeignKey("workspaces.id"))
    invoice_number: Mapped[str] = mapped_column(sa.String(32), unique=True)
    type: Mapped[str] = mapped_column(sa.String(20))
    status: Mapped[str] = mapped_column(sa.String(20), default=PENDING)
    amount_minor: Mapped[int] = mapped_column(sa.BigInteger)
    refunded_minor: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    currency: Mapped[str] = mapped_column(sa.String(3))
    description: Mapped[str] = mapped_column(sa.String(500))
    plan_id: Mapped[int] = mapped_column(sa.ForeignKey("pricing_plans.id"))
    previous_plan_id: Mapped[int | None] = mapped_column(sa.ForeignKey("pricing_plans.id"))
    plan_name: Mapped[str] = mapped_column(sa.String(100))
    plan_slug: Mapped[str] = mapped_column(sa.String(100))
    plan_period: Mapped[str] = mapped_column(sa.String(10))
    previous_plan_name: Mapped[str | None] = mapped_column(sa.String(100))
    previous_plan_slug: Mapped[str | None] = mapped_column(sa.String(100))
    payment_method_id: Mapped[int | None] = mapped_column(sa.ForeignKey("payment_methods.id"))
    card_brand: Mapped[str | None] = mapped_column(sa.String(30))
    card_last4: Mapped[str | None] = mapped_column(sa.String(4))
    stripe_payment_intent_id: Mapped[str | None] = mapped_column(sa.String(255), index=True)
    stripe_invoice_id: Mapped[str | None] = mapped_column(sa.String(255))
    billing_period_start: Mapped[datetime | None]
    billing_period_end: Mapped[datetime | None]
    paid_at: Mapped[datetime | None]


class InvoiceCounter(Base):
    """The last number given out on a day; its row lock makes the sequence free of gaps.

    A `closed` day gives out no more: its proof is written.
    """

    __tablename__ = "invoice_counters"

    day: Mapped[date] = mapped_column(primary_key=True)
    last: Mapped[int]
    closed: Mapped[bool] = mapped_column(default=False)


class InvoiceDayProof(Base):
    """What a closed day's numbers were found to be: written once, after the day has ended.

    `gaps` and `duplicates` hold the numbers themselves, a run of missing ones as `first..last`;
    both are empty on a day that is right.
    """

    __tablename__ = "invoice_day_proofs"

    day: Mapped[date] = mapped_column(primary_key=True)
    first_number: Mapped[str | None] = mapped_column(sa.String(32))
    last_number: Mapped[str | None] = mapped_column(sa.String(32))
    count: Mapped[int]
    gaps: Mapped[list[str]] = mapped_column(sa.JSON, default=list)
    duplicates: Mapped[list[str]] = mapped_column(sa.JSON, default=list)
    closed_at: Mapped[datetime] = mapped_column(default=clock.now)


class InvoiceDocument(Base, Stamped, Leased):
    """The PDF of an invoice: whether it is to be rendered, and what is stored."""

    __tablename__ = "invoice_documents"
    __table_args__ = (sa.Index("ix_invoice_documents_due", "state", "due_at"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    invoice_id: Mapped[int] = mapped_column(sa.ForeignKey("invoices.id"), unique=True)
    state: Mapped[str] = mapped_column(sa.String(20), default=PENDING)
    fingerprint: Mapped[str | None] = mapped_column(sa.String(64))
    sha256: Mapped[str | None] = mapped_column(sa.String(64))
    last_error: Mapped[str | None] = mapped_column(sa.String(500))
