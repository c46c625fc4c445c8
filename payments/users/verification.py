"""Verified addresses: whoever opens the mailed link proves that the address is theirs.

An account that proved nothing holds its address against nobody: see docs/decisions/0018.
"""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from payments.auth.mail_allowance import admit_mail
from payments.auth.models import User
from payments.auth.queries import find_user, is_verified
from payments.auth.sessions import end_sessions_of
from payments.kit.db import db
from payments.kit.repeat import repeated
from payments.kit.security_log import REFUSED, SUCCEEDED, log_security_event
from payments.kit.transactions import transaction
from payments.mail.outbox import request_mail
from payments.timeline.append import append
from payments.users import links
from payments.users.links import InvalidLink

# Kinds of mails.
SIGNED_UP, RESENT = "signed_up", "verification_resent"

LIFETIME = timedelta(hours=24)


def request_verification(user: User) -> None:
    """Ask for the first mail with the link, inside the caller's transaction.

    What the mail says is decided when it is sent: an address that has an owner already is told
    that somebody else signed up with it. So signing up takes as long and answers alike.
    """
    if not is_verified(user):
        request_mail(SIGNED_UP, user.email, user_id=user.id)


def resend_verification(user: User) -> None:
    """Send the link again to the caller's own address; nothing when it is verified.

    TooManyAttempts when the address was written to too often.
    """
    if is_verified(user):
        return
    email, user_id = user.email, user.id
    admit_mail(email)
    with transaction():
        request_mail(RESENT, email, user_id=user_id)


def sign_verification(user: User) -> str:
    """Return the token of the link that proves the user's address."""
    return links.sign_token(links.VERIFY_EMAIL, LIFETIME, user=user.uuid, email=user.email)


@repeated
def verify_email(token: str) -> User:
    """Mark the address as the user's; InvalidLink for a link that is used, over or overtaken."""
    facts = links.read_token(links.VERIFY_EMAIL, token)
    with transaction():
        user = find_user(str(facts.get("user")))
        if user is None or not _holds_address(user, str(facts.get("email"))):
            log_security_event("email_verification", REFUSED)
            raise InvalidLink
        claim_address(user, by="link")
    log_security_event("email_verification", SUCCEEDED, user=user.id)
    return user


def _holds_address(user: User, email: str) -> bool:
    """Return whether the user is active, unverified and has that address, as of now."""
    rows = lock_claimants(email, user.project_id)
    still = any(row.id == user.id for row in rows)
    owned = any(row.is_email_verified for row in rows)
    return still and user.is_active and not owned


def claim_address(user: User, *, by: str, actor: str | None = None) -> None:
    """Make the address the user's, inside the caller's transaction, and take it from the others.

    Only accounts that never proved it can be others: they are deactivated and logged out.
    """
    for other in lock_claimants(user.email, user.project_id):
        if other.id != user.id and not other.is_email_verified:
            _release_address(other, to=user)
    db.session.flush()  # before the unique index sees the new owner
    user.is_email_verified = True
    actor = actor or f"user:{user.id}"
    append("user.email_verified", actor=actor, subject=f"user:{user.id}", by=by)


def lock_claimants(email: str, project_id: str | None) -> list[User]:
    """Return all accounts of an address in one place, locked, always in the same order."""
    place = User.project_id == project_id if project_id else User.project_id.is_(None)
    query = sa.select(User).where(User.email == email, place).order_by(User.id).with_for_update()
    return list(db.session.scalars(query.execution_options(populate_existing=True)))


def _release_address(other: User, *, to: User) -> None:
    """Take the address from an account that never proved it: nobody logs in to it any more."""
    other.email = f"released-{other.uuid}@released.invalid"
    other.is_active = False
    end_sessions_of(other.id, reason="address_released")
    append("user.address_released", actor=f"user:{to.id}", subject=f"user:{other.id}")
