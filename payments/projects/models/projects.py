"""Projects, the keys their servers use, and which end user is which Stripe customer."""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from payments.kit import clock
from payments.kit.db import Base, BigId, Stamped


def new_uuid() -> str:
    """Return a fresh id as this room shows it."""
    return str(uuid4())


class Project(Base, Stamped):
    """A developer's project: the tenant of this room.

    `allowed_origins`, when set, are the only places a Checkout may return to.
    """

    __tablename__ = "projects"

    id: Mapped[str] = mapped_column(sa.String(36), primary_key=True, default=new_uuid)
    owner_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"), index=True)
    name: Mapped[str] = mapped_column(sa.String(255))
    description: Mapped[str | None] = mapped_column(sa.String(1000))
    is_active: Mapped[bool] = mapped_column(default=True)
    allowed_origins: Mapped[list[str]] = mapped_column(sa.JSON, default=list)


class ProjectKey(Base):
    """A key of a project's server: shown once, kept as a hash."""

    __tablename__ = "project_keys"

    id: Mapped[str] = mapped_column(sa.String(36), primary_key=True, default=new_uuid)
    project_id: Mapped[str] = mapped_column(sa.ForeignKey("projects.id"), index=True)
    name: Mapped[str | None] = mapped_column(sa.String(255))
    key_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    key_prefix: Mapped[str] = mapped_column(sa.String(8))
    is_active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    last_used_at: Mapped[datetime | None]


class StripeCustomer(Base):
    """An end user's customer at the project's Stripe account, one a mode."""

    __tablename__ = "stripe_customers"
    __table_args__ = (
        sa.UniqueConstraint("project_id", "is_test_mode", "user_id"),
        sa.UniqueConstraint("project_id", "is_test_mode", "customer_id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    project_id: Mapped[str] = mapped_column(sa.ForeignKey("projects.id"))
    is_test_mode: Mapped[bool]
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    customer_id: Mapped[str] = mapped_column(sa.String(255))
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class CheckoutSession(Base, Stamped):
    """A Checkout page that was opened for an end user, until it is paid for or has lapsed.

    Of two open pages for a subscription only the newer one may be paid: `id` says which that is.
    """

    __tablename__ = "checkout_sessions"
    __table_args__ = (
        sa.UniqueConstraint("project_id", "is_test_mode", "session_id"),
        sa.Index("ix_checkout_sessions_user", "project_id", "is_test_mode", "user_id", "state"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    project_id: Mapped[str] = mapped_column(sa.ForeignKey("projects.id"))
    is_test_mode: Mapped[bool]
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    session_id: Mapped[str] = mapped_column(sa.String(255))
    mode: Mapped[str] = mapped_column(sa.String(20))
    state: Mapped[str] = mapped_column(sa.String(20), default="open")
    expires_at: Mapped[datetime | None]
