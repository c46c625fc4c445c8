"""Look-ups of users."""

from __future__ import annotations

import sqlalchemy as sa

from payments.auth.models import User
from payments.kit.db import db


def find_user(user_uuid: str) -> User | None:
    """Return the user that a token names, if he still exists."""
    return db.session.scalars(sa.select(User).where(User.uuid == user_uuid)).one_or_none()


def find_by_email(email: str) -> User | None:
    """Return the user outside of all projects with that address (compared in lower case)."""
    query = sa.select(User).where(User.email == email.lower(), User.project_id.is_(None))
    return db.session.scalars(query).one_or_none()


def find_end_user(project_id: str, email: str) -> User | None:
    """Return the project's end user with that address (compared in lower case)."""
    query = sa.select(User).where(User.email == email.lower(), User.project_id == project_id)
    return db.session.scalars(query).one_or_none()
