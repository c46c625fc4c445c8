"""Saved cards: Stripe's ids and what may be shown, never a card number."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from payments.kit.db import Base, BigId, Stamped

_DEFAULT = sa.text("is_default AND is_active")


class PaymentMethod(Base, Stamped):
    """A card of a workspace, attached to its Stripe customer. Deleting only deactivates it."""

    __tablename__ = "payment_methods"
    __table_args__ = (
        # Never two defaults, whatever races.
        sa.Index(
            "uq_payment_methods_default", "workspace_id", unique=True,
            postgresql_where=_DEFAULT, sqlite_where=_DEFAULT,
        ),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    workspace_id: Mapped[int] = mapped_column(sa.ForeignKey("workspaces.id"), index=True)
    stripe_payment_method_id: Mapped[str] = mapped_column(sa.String(255), unique=True)
    stripe_customer_id: Mapped[str] = mapped_column(sa.String(255))
    type: Mapped[str] = mapped_column(sa.String(30), default="card")
    card_brand: Mapped[str | None] = mapped_column(sa.String(30))
    card_last4: Mapped[str | None] = mapped_column(sa.String(4))
    card_exp_month: Mapped[int | None]
    card_exp_year: Mapped[int | None]
    is_default: Mapped[bool] = mapped_column(default=False)
    is_active: Mapped[bool] = mapped_column(default=True)
    billing_name: Mapped[str | None] = mapped_column(sa.String(255))
    billing_postal_code: Mapped[str | None] = mapped_column(sa.String(20))
