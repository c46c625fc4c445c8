"""Objects at Stripe that claim to be ours and are not applied: why, and what became of them."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from payments.kit import clock
from payments.kit.db import Base, BigId

# A second successful payment for one charge.
DUPLICATE = "duplicate"
# Our names, but another customer, amount or currency than the row's.
MISMATCH = "mismatch"
# Our installation's name, and a row that is not in this database: made before a restore.
UNKNOWN_ROW = "unknown_row"
# A dispute of a payment that is stored here itself: its money goes twice if it is refunded too.
DISPUTED_PAYMENT = "disputed"
KINDS = (DUPLICATE, MISMATCH, UNKNOWN_ROW, DISPUTED_PAYMENT)

REFUNDED, DISMISSED = "refunded", "dismissed"

UNRESOLVED = sa.text("resolved_at IS NULL")


class StripeAnomaly(Base):
    """An object that was stored, flagged and applied to nothing; `amount_minor` in minor units."""

    __tablename__ = "stripe_anomalies"
    __table_args__ = (
        sa.UniqueConstraint("kind", "stripe_id"),
        sa.Index(
            "ix_stripe_anomalies_unresolved", "kind",
            postgresql_where=UNRESOLVED, sqlite_where=UNRESOLVED,
        ),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(20))
    stripe_id: Mapped[str] = mapped_column(sa.String(255), index=True)
    workspace_id: Mapped[int | None] = mapped_column(sa.ForeignKey("workspaces.id"), index=True)
    charge_id: Mapped[int | None] = mapped_column(sa.ForeignKey("charges.id"), index=True)
    status: Mapped[str] = mapped_column(sa.String(40))
    amount_minor: Mapped[int | None] = mapped_column(sa.BigInteger)
    currency: Mapped[str | None] = mapped_column(sa.String(3))
    reason: Mapped[str] = mapped_column(sa.String(500))
    found_by: Mapped[str] = mapped_column(sa.String(80))
    found_at: Mapped[datetime] = mapped_column(default=clock.now)
    resolved_at: Mapped[datetime | None]
    resolution: Mapped[str | None] = mapped_column(sa.String(20))
