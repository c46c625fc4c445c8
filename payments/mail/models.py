"""The outbox's table."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from payments.kit import clock
from payments.kit.db import Base, BigId, Leased

WAITING, DEAD = "waiting", "dead"


class OutgoingMail(Base, Leased):
    """A mail that is to be sent: its kind, the recipient and ids, from which its text is made.

    No text and no link is stored. A row that was sent, or that had nothing to say, is deleted; a
    dead one was given up and stays for a while with its last error.
    """

    __tablename__ = "outgoing_mails"
    __table_args__ = (sa.Index("ix_outgoing_mails_due", "state", "due_at"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(40))
    recipient: Mapped[str] = mapped_column(sa.String(254))
    user_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    project_id: Mapped[str | None] = mapped_column(sa.String(36))
    invitation_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    state: Mapped[str] = mapped_column(sa.String(10), default=WAITING)
    last_error: Mapped[str | None] = mapped_column(sa.String(500))
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
