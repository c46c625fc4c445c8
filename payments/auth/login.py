"""Checks a password at log-in: counted, logged, and its hash renewed where it is an old one."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from payments.auth import guessing, passwords
from payments.auth.errors import HashingBusy
from payments.auth.models import User
from payments.auth.queries import is_verified
from payments.kit.crypto import digest
from payments.kit.security_log import REFUSED, SUCCEEDED, log_security_event
from payments.kit.transactions import transaction


def check_login(
    candidates: Sequence[User | None], *, email: str, password: str, project_id: str | None = None
) -> User | None:
    """Return the candidate whose password it is; None otherwise, after the same time.

    A candidate that is None costs as much as one with another password.

    `email` and `project_id` are what was sent: attempts are counted whether or not there is such an
    account. TooManyAttempts and HashingBusy may be raised. Whether the user is active is for the
    caller to check.
    """
    account = guessing.name_account(email, project_id)
    guessing.admit_attempt(account)
    user = _find_correct(candidates, password)
    if user is None:
        known = next(filter(None, candidates), None)
        log_login(known, email=email, reason="wrong_password" if known else "unknown_user")
        return None
    # Whoever signed up with another's address must not get attempts at that one's password back.
    if is_verified(user):
        guessing.clear_attempts(account)
    _renew_hash(user, password)
    log_login(user, email=email, reason=None if user.is_active else "inactive")
    return user


def _find_correct(candidates: Sequence[User | None], password: str) -> User | None:
    """Try the password at every candidate, also after it was right."""
    correct = [
        user
        for user in candidates
        if passwords.is_password_correct(password, user.password_hash if user else None)
    ]
    return next(filter(None, correct), None)


def log_login(user: User | None, *, email: str, reason: str | None) -> None:
    """Log a log-in, refused if there is a `reason`; of the address only a short digest."""
    log_security_event(
        "login",
        REFUSED if reason else SUCCEEDED,
        user=user.id if user else None,
        reason=reason,
        email=digest(email.strip().lower().encode(errors="replace"))[:12],
    )


def _renew_hash(user: User, password: str) -> None:
    """Replace a hash that was made in another way than new ones are."""
    user_id, stored = user.id, user.password_hash
    if not passwords.needs_rehash(stored):
        return
    try:
        renewed = passwords.hash_password(password)
    except HashingBusy:  # the next log-in will do it
        return
    # Not over a password that was changed meanwhile.
    same = (User.id == user_id) & (User.password_hash == stored)
    with transaction() as database:
        database.execute(sa.update(User).where(same).values(password_hash=renewed))
