"""The installation's one row, and the random name of every row that Stripe hears of."""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from payments.kit import clock
from payments.kit.db import Base


def new_reference() -> str:
    """Return 32 random hexadecimal digits: unique in every space that they are ever used in."""
    return uuid4().hex


class Installation(Base):
    """This database's own name. The first migration that knows of it writes the row."""

    __tablename__ = "installation"
    __table_args__ = (sa.CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    installation_id: Mapped[str] = mapped_column(sa.String(32))
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class Referenced:
    """A row that Stripe hears of, under a random name that no other database ever gives.

    Row numbers start anew in a restored or renewed database; references do not repeat.
    `legacy_metadata` marks rows whose objects at Stripe were made when metadata still held row
    numbers.
    """

    reference: Mapped[str] = mapped_column(sa.String(32), unique=True, default=new_reference)
    legacy_metadata: Mapped[bool] = mapped_column(default=False)
