"""Pricing plans: data, never names in code."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from payments.kit.db import Base, BigId, Stamped

PERIOD_RANK = {"month": 0, "year": 1}


class PricingPlan(Base, Stamped):
    """What a workspace can be on. Plans are ordered by `tier`, then by period."""

    __tablename__ = "pricing_plans"
    __table_args__ = (
        sa.CheckConstraint("price_minor >= 0", name="price"),
        sa.CheckConstraint("price_period IN ('month', 'year')", name="period"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    slug: Mapped[str] = mapped_column(sa.String(100), unique=True)
    name: Mapped[str] = mapped_column(sa.String(100))
    description: Mapped[str] = mapped_column(sa.String(500), default="")
    price_minor: Mapped[int] = mapped_column(sa.BigInteger)
    currency: Mapped[str] = mapped_column(sa.String(3), default="usd")
    price_period: Mapped[str] = mapped_column(sa.String(10), default="month")
    tier: Mapped[int]
    is_active: Mapped[bool] = mapped_column(default=True)
    restrictions: Mapped[dict[str, Any]] = mapped_column(default=dict)
    features: Mapped[list[str]] = mapped_column(sa.JSON, default=list)

    @property
    def rank(self) -> tuple[int, int]:
        """Compare plans by this: a yearly plan stands above the monthly one of its tier."""
        return self.tier, PERIOD_RANK[self.price_period]
