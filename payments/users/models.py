"""The table of second factors."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from payments.kit.db import Base, BigId, Stamped


class SecondFactor(Base, Stamped):
    """A user's TOTP secret, sealed, and the hashes of the recovery codes that are left.

    `last_step` is the time step of the last code that was taken: none is taken twice.
    """

    __tablename__ = "second_factors"

    SEALED_WITH: ClassVar[tuple[str, ...]] = ("user_id",)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"), unique=True)
    secret: Mapped[str | None] = mapped_column(sa.Text)
    is_enabled: Mapped[bool] = mapped_column(default=False)
    last_step: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    recovery_hashes: Mapped[list[str]] = mapped_column(sa.JSON, default=list)
    failures: Mapped[int] = mapped_column(default=0)
    retry_at: Mapped[datetime | None]
