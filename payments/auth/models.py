"""Users and their sessions: the tables that both dialects share."""

from __future__ import annotations

import uuid
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from payments.kit import clock
from payments.kit.db import Base, BigId, Stamped

# A member signs up by himself and pays for workspaces; developers and end users belong to the
# projects room.
MEMBER, DEVELOPER, END_USER = "member", "developer", "end_user"

# Spelled out for the index.
_PROVEN_ALONE = sa.text("project_id IS NULL AND is_email_verified")


class User(Base, Stamped):
    """A person. `uuid` is what tokens carry; `id` is what the workspaces dialect shows."""

    __tablename__ = "users"
    __table_args__ = (
        # The same address may exist once in every project and once outside of them all. Accounts
        # that never proved theirs do not count: they hold it against nobody.
        sa.Index(
            "uq_users_email_alone", "email", unique=True,
            postgresql_where=_PROVEN_ALONE, sqlite_where=_PROVEN_ALONE,
        ),
        sa.UniqueConstraint("project_id", "email"),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    uuid: Mapped[str] = mapped_column(sa.String(36), unique=True, default=lambda: str(uuid.uuid4()))
    email: Mapped[str] = mapped_column(sa.String(254))
    # True where nobody has to prove an address, and where the operator or a project vouches for it.
    is_email_verified: Mapped[bool] = mapped_column(default=True, server_default=sa.true())
    name: Mapped[str] = mapped_column(sa.String(200), default="")
    password_hash: Mapped[str] = mapped_column(sa.String(255))
    kind: Mapped[str] = mapped_column(sa.String(20), default=MEMBER)
    is_admin: Mapped[bool] = mapped_column(default=False)
    is_active: Mapped[bool] = mapped_column(default=True)
    project_id: Mapped[str | None] = mapped_column(sa.String(36))


def make_id() -> str:
    """Return a name that nobody can guess."""
    return str(uuid.uuid4())


class LoginSession(Base):
    """What began with a log-in: a family of refresh tokens, of which one is good at a time.

    `sid` is what tokens carry, `refresh_id` the `jti` of the refresh token that may be used next,
    `methods` how the person proved who they are (RFC 8176), in one text with blanks between.
    """

    __tablename__ = "login_sessions"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    sid: Mapped[str] = mapped_column(sa.String(36), unique=True, default=make_id)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"), index=True)
    refresh_id: Mapped[str] = mapped_column(sa.String(36), default=make_id)
    methods: Mapped[str] = mapped_column(sa.String(100))
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    refreshed_at: Mapped[datetime] = mapped_column(default=clock.now)
    expires_at: Mapped[datetime] = mapped_column(index=True)
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str | None] = mapped_column(sa.String(40))
