"""The inbox's table."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from payments.kit import clock
from payments.kit.db import Base, BigId, Leased
from payments.kit.storable import clean_json

RECEIVED, PROCESSED, FAILED, DEAD = "received", "processed", "failed", "dead"
STATES = (RECEIVED, PROCESSED, FAILED, DEAD)
WAITING = (RECEIVED, FAILED)

# The same in SQL, spelled out: only so do indexes of the rows that wait serve a query.
WAITS = sa.text("state IN ('received', 'failed')")

# How an event got here: Stripe delivered it, or the gap closer found it in Stripe's own list.
DELIVERED, FOUND = "delivered", "found"

_DEAD = sa.text("state = 'dead'")
# Spelled out for the index, as WAITS is.
DROPPABLE = sa.text("state = 'processed' AND payload IS NOT NULL")

PLATFORM = "platform"  # the owner of our own account's events; else a project's id


class WebhookEvent(Base, Leased):
    """An event of one Stripe account, as its signed bytes said, and how far we are with it.

    `note` says why an event that was handled changed nothing. The payload of a handled event is
    dropped after some time; the row stays, so that the event is not taken for a new one.
    """

    __tablename__ = "webhook_events"
    __table_args__ = (
        sa.UniqueConstraint("owner", "mode", "event_id"),
        # What waits, the longest first, and the same for each owner; what an owner has.
        sa.Index("ix_webhook_events_next", "due_at", postgresql_where=WAITS, sqlite_where=WAITS),
        sa.Index(
            "ix_webhook_events_waiting", "owner", "due_at",
            postgresql_where=WAITS, sqlite_where=WAITS,
        ),
        sa.Index("ix_webhook_events_owner", "owner", "id"),
        sa.Index("ix_webhook_events_dead", "owner", postgresql_where=_DEAD, sqlite_where=_DEAD),
        # Payloads that are to be dropped one day, the oldest first.
        sa.Index(
            "ix_webhook_events_payload", "processed_at",
            postgresql_where=DROPPABLE, sqlite_where=DROPPABLE,
        ),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    owner: Mapped[str] = mapped_column(sa.String(36))
    mode: Mapped[str] = mapped_column(sa.String(4))
    event_id: Mapped[str] = mapped_column(sa.String(255))
    type: Mapped[str] = mapped_column(sa.String(100))
    api_version: Mapped[str | None] = mapped_column(sa.String(40))
    created: Mapped[int] = mapped_column(sa.BigInteger)
    payload: Mapped[str | None] = mapped_column(sa.Text)
    state: Mapped[str] = mapped_column(sa.String(20), default=RECEIVED)
    source: Mapped[str] = mapped_column(sa.String(10), default=DELIVERED)
    last_error: Mapped[str | None] = mapped_column(sa.String(500))
    note: Mapped[str | None] = mapped_column(sa.String(500))
    received_at: Mapped[datetime] = mapped_column(default=clock.now)
    processed_at: Mapped[datetime | None]

    @property
    def is_test_mode(self) -> bool:
        return self.mode == "test"

    @property
    def created_at(self) -> datetime:
        """Stripe's moment of the event."""
        return clock.from_timestamp(self.created)

    @property
    def payload_dropped(self) -> bool:
        return self.payload is None

    @property
    def content(self) -> Any:
        """The payload as JSON, fit to be written anywhere; None once it was dropped."""
        return None if self.payload is None else json.loads(clean_json(self.payload))

    @property
    def next_try_at(self) -> datetime | None:
        """When an event that waits is tried next."""
        return self.due_at if self.state in WAITING else None


class EventStorage(Base):
    """How many bytes of payloads an owner has stored: the sum of its parts.

    Each delivery adds to one part at random, so that deliveries at once do not wait for each other;
    a single part may be negative.
    """

    __tablename__ = "event_storage"

    owner: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    part: Mapped[int] = mapped_column(sa.SmallInteger, primary_key=True, autoincrement=False)
    bytes: Mapped[int] = mapped_column(sa.BigInteger)
