"""Look-ups of users."""

from __future__ import annotations

import sqlalchemy as sa

from payments.auth.models import LoginSession, User
from payments.extensions import settings
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
    """Return the user outside of all projects who has that address (compared in lower case).

    While addresses are verified an account that did not prove its address has none.
    """
    owner, newest = find_claimants(email)
    return owner or (None if settings().email_verification else newest)


def find_claimants(email: str) -> tuple[User | None, User | None]:
    """Return the address's proven account outside of projects, and its newest unproven one."""
    query = (
        sa.select(User)
        .where(User.email == email.lower(), User.project_id.is_(None))
        .order_by(User.is_email_verified.desc(), User.id.desc())
        .limit(2)
    )
    found = list(db.session.scalars(query))
    return (
        next((user for user in found if user.is_email_verified), None),
        next((user for user in found if not user.is_email_verified), None),
    )


def find_login_candidates(email: str) -> list[User | None]:
    """Return those outside of projects whose password a log-in with that address may know.

    While addresses are verified these are always two, None where there is no account: somebody
    may have signed up with an address that is another's, and the time must not tell.
    """
    owner, newest = find_claimants(email)
    return [owner, newest] if settings().email_verification else [owner or newest]


def is_verified(user: User) -> bool:
    """Return whether the user has proven the address, or nobody has to."""
    return user.is_email_verified or not settings().email_verification


def find_end_user(project_id: str, email: str) -> User | None:
    """Return the project's end user with that address (compared in lower case)."""
    query = sa.select(User).where(User.email == email.lower(), User.project_id == project_id)
    return db.session.scalars(query).one_or_none()
