"""Look-ups of users."""

from __future__ import annotations

import sqlalchemy as sa

from payments.auth import passwords
from payments.auth.models import User
from payments.extensions import settings
from payments.kit.db import db


def find_user(user_uuid: str) -> User | None:
    """Return the user that a token names, if he still exists."""
    return db.session.scalars(sa.select(User).where(User.uuid == user_uuid)).one_or_none()


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


def find_by_password(email: str, password: str) -> User | None:
    """Return the account outside of projects that this address and password belong to.

    Somebody may have signed up with an address that is another's: the newest such account is
    tried as well. As many hashes are computed whether or not there is any account.
    https://cheatsheetseries.owasp.org/cheatsheets/Authentication_Cheat_Sheet.html
    """
    owner, newest = find_claimants(email)
    tried = [owner, newest] if settings().email_verification else [owner or newest]
    right = [
        user
        for user in tried
        if passwords.matches(password, user.password_hash if user else None) and user
    ]
    return right[0] if right else None


def is_verified(user: User) -> bool:
    """Return whether the user has proven the address, or nobody has to."""
    return user.is_email_verified or not settings().email_verification


def find_end_user(project_id: str, email: str) -> User | None:
    """Return the project's end user with that address (compared in lower case)."""
    query = sa.select(User).where(User.email == email.lower(), User.project_id == project_id)
    return db.session.scalars(query).one_or_none()
