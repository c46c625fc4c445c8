"""The table of answered requests."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from payments.kit import clock
from payments.kit.db import Base, BigId


def new_reference() -> str:
    """Return 32 random hexadecimal digits: a name that no other row of any database has."""
    return uuid4().hex


class IdempotentRequest(Base):
    """A request that carried a key. The answer is sealed, as it may hold a client secret.

    `fence` grows with every claim, so that a holder whose lock lapsed is told from the present
    one. `reference` names the request where others keep it: in a charge's or refund's
    `request_key`, and in Stripe's idempotency keys. Rows of releases before it have none.
    """

    __tablename__ = "idempotent_requests"
    __table_args__ = (sa.UniqueConstraint("user_id", "key"),)

    SEALED_WITH: ClassVar[tuple[str, ...]] = ("user_id", "key")

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    key: Mapped[str] = mapped_column(sa.String(255))
    fingerprint: Mapped[str] = mapped_column(sa.String(64))
    status: Mapped[int | None]
    answer: Mapped[str | None] = mapped_column(sa.Text)
    headers: Mapped[dict[str, str]] = mapped_column(sa.JSON, default=dict)
    locked_until: Mapped[datetime]
    fence: Mapped[int] = mapped_column(default=1)
    reference: Mapped[str | None] = mapped_column(sa.String(32), unique=True, default=new_reference)
    created_at: Mapped[datetime] = mapped_column(default=clock.now, index=True)
