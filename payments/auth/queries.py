"""Look-ups of users."""

from __future__ import annotations

import sqlalchemy as sa

from payments.auth.models import LoginSession, User
from payments.kit import clock
from payments.kit.db import db


def find_user(user_uuid: str) -> User | None:
    """Return the user that a token names, if he still exists."""
    return db.session.scalars(sa.select(User).where(User.uuid == user_uuid)).one_or_none()


def find_user_in_session(user_uuid: str, sid: str) -> tuple[User | None, bool]:
    """Return the user that a token names, and whether that session of theirs is running."""
    theirs = (LoginSession.user_id == User.id) & (LoginSession.sid == sid) & is_running()
    query = sa.select(User, LoginSession.id).outerjoin(LoginSession, theirs)
    row = db.session.execute(query.where(User.uuid == user_uuid)).one_or_none()
    return (None, False) if row is None else (row[0], row[1] is not None)


def is_running() -> sa.ColumnElement[bool]:
    """Return the condition that a session is neither ended nor past its last day."""
    return LoginSession.ended_at.is_(None) & (LoginSession.expires_at > clock.now())


def find_by_email(email: str) -> User | None:
    """Return the user outside of all projects with that address (compared in lower case)."""
    query = sa.select(User).where(User.email == email.lower(), User.project_id.is_(None))
    return db.session.scalars(query).one_or_none()


def find_end_user(project_id: str, email: str) -> User | None:
    """Return the project's end user with that address (compared in lower case)."""
    query = sa.select(User).where(User.email == email.lower(), User.project_id == project_id)
    return db.session.scalars(query).one_or_none()
