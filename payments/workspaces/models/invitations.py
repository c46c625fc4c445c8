"""Invitations: addresses that somebody may become a member with."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from payments.kit.db import Base, BigId, Stamped

PENDING, ACCEPTED, REVOKED = "pending", "accepted", "revoked"


class Invitation(Base, Stamped):
    """An address that was invited into a workspace, by whom and as what."""

    __tablename__ = "invitations"
    __table_args__ = (
        sa.CheckConstraint("role IN ('owner', 'admin', 'member')", name="role"),
        sa.Index("ix_invitations_workspace", "workspace_id", "state", "id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    workspace_id: Mapped[int] = mapped_column(sa.ForeignKey("workspaces.id"))
    inviter_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    email: Mapped[str] = mapped_column(sa.String(254))
    role: Mapped[str] = mapped_column(sa.String(10))
    state: Mapped[str] = mapped_column(sa.String(10), default=PENDING)
    expires_at: Mapped[datetime]
