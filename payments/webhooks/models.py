"""The inbox's table."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from payments.kit import clock
from payments.kit.db import Base, BigId, Leased

RECEIVED, PROCESSED, FAILED, DEAD = "received", "processed", "failed", "dead"
WAITING = (RECEIVED, FAILED)

PLATFORM = "platform"  # the owner of our own account's events; else a project's id


class WebhookEvent(Base, Leased):
    """An event of one Stripe account, as its signed bytes said, and how far we are with it."""

    __tablename__ = "webhook_events"
    __table_args__ = (
        sa.UniqueConstraint("owner", "mode", "event_id"),
        sa.Index("ix_webhook_events_due", "state", "due_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    owner: Mapped[str] = mapped_column(sa.String(36))
    mode: Mapped[str] = mapped_column(sa.String(4))
    event_id: Mapped[str] = mapped_column(sa.String(255))
    type: Mapped[str] = mapped_column(sa.String(100))
    api_version: Mapped[str | None] = mapped_column(sa.String(40))
    created: Mapped[int] = mapped_column(sa.BigInteger)
    payload: Mapped[str] = mapped_column(sa.Text)
    state: Mapped[str] = mapped_column(sa.String(20), default=RECEIVED)
    last_error: Mapped[str | None] = mapped_column(sa.String(500))
    received_at: Mapped[datetime] = mapped_column(default=clock.now)
    processed_at: Mapped[datetime | None]
