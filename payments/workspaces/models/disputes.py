"""Disputes of workspaces' payments, as they stand at Stripe."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from payments.invoices.models import Invoice
from payments.kit.db import Base, BigId, Stamped
from payments.workspaces.models.charges import Charge

# Stripe's words: https://docs.stripe.com/api/disputes/object#dispute_object-status
WON, LOST, PREVENTED, WARNING_CLOSED = "won", "lost", "prevented", "warning_closed"
FINAL = (WON, LOST, PREVENTED, WARNING_CLOSED)

CHARGEBACK, INQUIRY = "chargeback", "inquiry"

IS_OPEN = sa.text("closed_at IS NULL")


class Dispute(Base, Stamped):
    """A dispute: a chargeback, whose amount the bank has taken, or an inquiry before one.

    `created_at` is Stripe's moment; `closed_at` is when this service learnt of a final status,
    as Stripe tells no such moment. `revision` grows with every write, so that an older look at
    Stripe is told from a newer one.
    """

    __tablename__ = "disputes"
    __table_args__ = (
        sa.Index("ix_disputes_open", "response_due_at", postgresql_where=IS_OPEN,
                 sqlite_where=IS_OPEN),
        sa.CheckConstraint("amount_minor >= 0", name="amount"),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    stripe_dispute_id: Mapped[str] = mapped_column(sa.String(255), unique=True)
    workspace_id: Mapped[int] = mapped_column(sa.ForeignKey("workspaces.id"), index=True)
    charge_id: Mapped[int] = mapped_column(sa.ForeignKey("charges.id"), index=True)
    invoice_id: Mapped[int] = mapped_column(sa.ForeignKey("invoices.id"), index=True)
    status: Mapped[str] = mapped_column(sa.String(40))
    reason: Mapped[str] = mapped_column(sa.String(60))
    amount_minor: Mapped[int] = mapped_column(sa.BigInteger)
    currency: Mapped[str] = mapped_column(sa.String(3))
    is_inquiry: Mapped[bool]
    is_charge_refundable: Mapped[bool]
    is_withdrawn: Mapped[bool]
    response_due_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    revision: Mapped[int] = mapped_column(default=0)

    charge: Mapped[Charge] = relationship(backref="disputes")
    invoice: Mapped[Invoice] = relationship(backref="disputes")

    @property
    def is_open(self) -> bool:
        """Tell whether its outcome is still to come."""
        return self.closed_at is None

    @property
    def kind(self) -> str:
        """Return `inquiry` or `chargeback`."""
        return INQUIRY if self.is_inquiry else CHARGEBACK
