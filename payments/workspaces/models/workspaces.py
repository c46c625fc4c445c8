"""Workspaces and who belongs to them."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from payments.auth.models import User
from payments.installation.models import Referenced
from payments.kit import clock
from payments.kit.db import Base, BigId, Stamped
from payments.workspaces.models.plans import PricingPlan

OWNER, ADMIN, MEMBER = "owner", "admin", "member"
ROLES = (OWNER, ADMIN, MEMBER)


class Workspace(Base, Stamped, Referenced):
    """A tenant of the platform: one plan, one Stripe customer, many members."""

    __tablename__ = "workspaces"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(100))
    slug: Mapped[str] = mapped_column(sa.String(100), unique=True)
    description: Mapped[str] = mapped_column(sa.String(350), default="")
    profile_image: Mapped[str | None] = mapped_column(sa.String(500))
    plan_id: Mapped[int] = mapped_column(sa.ForeignKey("pricing_plans.id"))
    is_active: Mapped[bool] = mapped_column(default=True)
    stripe_customer_id: Mapped[str | None] = mapped_column(sa.String(255), unique=True)
    # The one before, which is gone at Stripe: the next one's idempotency key names it.
    former_stripe_customer_id: Mapped[str | None] = mapped_column(sa.String(255))
    billing_line1: Mapped[str | None] = mapped_column(sa.String(200))
    billing_line2: Mapped[str | None] = mapped_column(sa.String(200))
    billing_city: Mapped[str | None] = mapped_column(sa.String(100))
    billing_state: Mapped[str | None] = mapped_column(sa.String(100))
    billing_postal_code: Mapped[str | None] = mapped_column(sa.String(20))
    billing_country: Mapped[str | None] = mapped_column(sa.String(2))

    plan: Mapped[PricingPlan] = relationship()


class Membership(Base):
    """A user's role in a workspace."""

    __tablename__ = "memberships"
    __table_args__ = (sa.CheckConstraint("role IN ('owner', 'admin', 'member')", name="role"),)

    workspace_id: Mapped[int] = mapped_column(sa.ForeignKey("workspaces.id"), primary_key=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"), primary_key=True, index=True)
    role: Mapped[str] = mapped_column(sa.String(10))
    joined_at: Mapped[datetime] = mapped_column(default=clock.now)

    workspace: Mapped[Workspace] = relationship()
    user: Mapped[User] = relationship()
