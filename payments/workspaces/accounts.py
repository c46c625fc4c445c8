"""Verbs of accounts: sign up, log in, refresh."""

from __future__ import annotations

from dataclasses import dataclass

from payments.auth import credentials, passwords, sessions, tokens
from payments.auth.errors import BadLogin, EmailTaken, InactiveAccount
from payments.auth.login import check_login
from payments.auth.models import END_USER, User
from payments.auth.principals import Caller
from payments.auth.queries import find_by_email
from payments.auth.tokens import Tokens
from payments.kit.inserts import inserted
from payments.kit.security_log import SUCCEEDED, log_security_event
from payments.kit.transactions import transaction
from payments.timeline.append import append
from payments.workspaces import directory
from payments.workspaces.models import Workspace


@dataclass(frozen=True)
class Session:
    """A user with the tokens that were just made for them."""

    user: User
    tokens: Tokens
    workspace: Workspace | None = None


def sign_up(*, email: str, password: str, name: str) -> Session:
    """Make a user and their first workspace, and sign them in."""
    tokens.demand_own()
    passwords.check_new_password(password, email=email)
    password_hash = passwords.hash_password(password)  # slow on purpose: not while writers wait
    with transaction():
        user = _add_user(email, name, password_hash)
        seat = directory.add_workspace(user, name=directory.default_name(name))
    return Session(user, sessions.start_session(user), seat.workspace)


def log_in(*, email: str, password: str) -> Session:
    """Sign a user in; an unknown address takes as long as a wrong password."""
    tokens.demand_own()
    user = check_login(find_by_email(email), email=email, password=password)
    if user is None or user.kind == END_USER:
        raise BadLogin
    if not user.is_active:
        raise InactiveAccount
    return Session(user, sessions.start_session(user))


def refresh(caller: Caller) -> Session:
    """Exchange the caller's refresh token for fresh tokens; BadToken when it was used before."""
    return Session(caller.user, sessions.refresh_session(caller.user, caller.claims))


def change_password(caller: Caller, *, current: str, new: str) -> Session:
    """Change the password; all sessions end and a new one begins."""
    return Session(caller.user, credentials.change_password(caller, current=current, new=new))


def _add_user(email: str, name: str, password_hash: str) -> User:
    user = User(email=email, name=name, password_hash=password_hash)
    if not inserted(user):
        raise EmailTaken
    append("user.signed_up", actor=f"user:{user.id}", subject=f"user:{user.id}")
    log_security_event("sign_up", SUCCEEDED, user=user.id)
    return user
