"""What a person does with their own sessions and password, in either dialect."""

from __future__ import annotations

import sqlalchemy as sa

from payments.auth import guessing, passwords, sessions
from payments.auth.errors import WrongPassword
from payments.auth.models import User
from payments.auth.notices import PASSWORD_CHANGED, request_notice
from payments.auth.principals import Caller
from payments.auth.queries import is_verified
from payments.auth.tokens import Tokens
from payments.kit.security_log import REFUSED, SUCCEEDED, log_security_event
from payments.kit.transactions import after_commit, transaction
from payments.timeline.append import append


def log_out(caller: Caller) -> None:
    """End the caller's session; SessionElsewhere with a token of the identity provider."""
    sid, user_id = caller.demand_session(), caller.user.id
    with transaction():
        sessions.end_session(sid, sessions.LOGGED_OUT)
    log_security_event("logout", SUCCEEDED, user=user_id, session=sid)


def log_out_everywhere(caller: Caller) -> int:
    """End all sessions of the caller and return how many; SessionElsewhere as in `log_out`."""
    caller.demand_session()
    user = caller.user
    with transaction():
        ended = sessions.end_sessions_of(user.id, reason=sessions.LOGGED_OUT_EVERYWHERE)
        _tell("user.logged_out_everywhere", user, sessions=ended)
    log_security_event("logout_everywhere", SUCCEEDED, user=user.id, sessions=ended)
    return ended


def change_password(caller: Caller, *, current: str, new: str) -> Tokens:
    """Change the caller's password, end all their sessions and begin a new one.

    The tokens of the session in which it is asked for end too: whoever else may hold them is out.
    WrongPassword counts like a failed log-in; WeakPassword, TooManyAttempts and HashingBusy may be
    raised. SessionElsewhere as in `log_out`.
    """
    caller.demand_session()
    user = caller.user
    stored = _prove_current_password(user, current)
    passwords.check_new_password(new, email=user.email, field="new_password")
    _replace_password(user, stored, passwords.hash_password(new))
    # A password was proven here and no second factor: what needs one asks for a new log-in.
    return sessions.start_session(user)


def _prove_current_password(user: User, password: str) -> str:
    """Return the hash that the password was compared with."""
    user_id, stored = user.id, user.password_hash
    account = guessing.name_account(user.email, user.project_id)
    guessing.admit_attempt(account)
    if not passwords.is_password_correct(password, stored):
        log_security_event("password_change", REFUSED, user=user_id, reason="wrong_password")
        raise WrongPassword
    # Whoever signed up with another's address must not get attempts at that one's password back.
    if is_verified(user):
        guessing.clear_attempts(account)
    return stored


def _replace_password(user: User, stored: str, new_hash: str) -> None:
    user_id = user.id
    same = (User.id == user_id) & (User.password_hash == stored)
    with transaction() as database:
        changed = sa.update(User).where(same).values(password_hash=new_hash).returning(User.id)
        if database.scalars(changed).first() is None:  # it was changed by another one meanwhile
            raise WrongPassword
        ended = sessions.end_sessions_of(user_id, reason=sessions.PASSWORD_CHANGED)
        _tell("user.password_changed", user, sessions=ended)
        request_notice(PASSWORD_CHANGED, user)
        after_commit(lambda: log_security_event("password_change", SUCCEEDED, user=user_id))


def _tell(kind: str, user: User, *, sessions: int) -> None:
    subject = f"user:{user.id}"
    append(kind, actor=subject, subject=subject, project_id=user.project_id, sessions=sessions)
