"""A project's Stripe keys: sealed, one row a mode, and only their masks are ever shown."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from payments.kit.db import Base, Stamped
from payments.projects.models.projects import new_uuid

TEST, LIVE = "test", "live"
MODES = (TEST, LIVE)

# The same in SQL, spelled out: only so do the indexes serve a query.
HAS_DESTROY_AT = sa.text("destroy_at IS NOT NULL")
HAS_FORMER_SECRET = sa.text("former_webhook_secret IS NOT NULL")


class StripeConfig(Base, Stamped):
    """Whether a project takes payments; deleting it only switches it off."""

    __tablename__ = "stripe_configs"

    id: Mapped[str] = mapped_column(sa.String(36), primary_key=True, default=new_uuid)
    project_id: Mapped[str] = mapped_column(sa.ForeignKey("projects.id"), unique=True)
    is_active: Mapped[bool] = mapped_column(default=True)
    # An end user who had a trial in a mode gets none there again, unless this is set.
    allow_repeat_trials: Mapped[bool] = mapped_column(default=False, server_default=sa.false())


class StripeCredentials(Base):
    """The keys of one mode, sealed for this row, project and mode.

    `former_webhook_secret` is still accepted until `former_until`, so that a secret can be
    rotated while events are under way. All of them are destroyed at `destroy_at`, which is set
    while the configuration or the project is switched off.
    """

    __tablename__ = "stripe_credentials"
    __table_args__ = (
        sa.UniqueConstraint("project_id", "mode"),
        sa.CheckConstraint("mode IN ('test', 'live')", name="mode"),
        sa.Index(
            "ix_stripe_credentials_destroy", "destroy_at",
            postgresql_where=HAS_DESTROY_AT, sqlite_where=HAS_DESTROY_AT,
        ),
        sa.Index(
            "ix_stripe_credentials_former", "former_until",
            postgresql_where=HAS_FORMER_SECRET, sqlite_where=HAS_FORMER_SECRET,
        ),
    )  # fmt: skip

    SEALED_WITH: ClassVar[tuple[str, ...]] = ("project_id", "mode")

    id: Mapped[str] = mapped_column(sa.String(36), primary_key=True, default=new_uuid)
    project_id: Mapped[str] = mapped_column(sa.ForeignKey("projects.id"))
    mode: Mapped[str] = mapped_column(sa.String(4))
    secret_key: Mapped[str | None] = mapped_column(sa.Text)
    secret_key_masked: Mapped[str | None] = mapped_column(sa.String(40))
    publishable_key: Mapped[str | None] = mapped_column(sa.Text)
    publishable_key_masked: Mapped[str | None] = mapped_column(sa.String(40))
    webhook_secret: Mapped[str | None] = mapped_column(sa.Text)
    webhook_secret_masked: Mapped[str | None] = mapped_column(sa.String(40))
    former_webhook_secret: Mapped[str | None] = mapped_column(sa.Text)
    former_until: Mapped[datetime | None]
    configured_at: Mapped[datetime | None]
    destroy_at: Mapped[datetime | None]
