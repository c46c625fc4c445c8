"""The timeline's table."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from payments.kit import clock
from payments.kit.db import Base, BigId


class TimelineEntry(Base):
    """One thing that happened to one object of one tenant; never changed.

    Triggers of the database refuse to change it, and to delete it before it is older than
    TIMELINE_RETENTION_DAYS can say. It outlives its project.
    """

    __tablename__ = "timeline"
    __table_args__ = (
        sa.Index("ix_timeline_workspace", "workspace_id", "id"),
        sa.Index("ix_timeline_project", "project_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    at: Mapped[datetime] = mapped_column(default=clock.now)
    workspace_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    project_id: Mapped[str | None] = mapped_column(sa.String(36))
    kind: Mapped[str] = mapped_column(sa.String(60))
    actor: Mapped[str] = mapped_column(sa.String(80))
    subject: Mapped[str] = mapped_column(sa.String(80))
    stripe_id: Mapped[str | None] = mapped_column(sa.String(255))
    data: Mapped[dict[str, Any]] = mapped_column(default=dict)
