"""Verbs of accounts: sign up, log in, refresh."""

from __future__ import annotations

from dataclasses import dataclass

from payments.auth import passwords, tokens
from payments.auth.errors import BadLogin, EmailTaken, InactiveAccount
from payments.auth.models import END_USER, User
from payments.auth.queries import find_by_email
from payments.auth.tokens import Tokens
from payments.kit.inserts import inserted
from payments.kit.transactions import transaction
from payments.timeline.append import append
from payments.workspaces import directory
from payments.workspaces.models import Workspace


@dataclass(frozen=True)
class Session:
    """A user with the tokens that were just made for him."""

    user: User
    tokens: Tokens
    workspace: Workspace | None = None


def sign_up(*, email: str, password: str, name: str) -> Session:
    """Make a user and his first workspace, and sign him in."""
    tokens.demand_own()
    password_hash = passwords.hashed(password)  # slow on purpose: not while writers wait
    with transaction():
        user = _add_user(email, name, password_hash)
        seat = directory.add_workspace(user, name=directory.default_name(name))
    return Session(user, tokens.issue(user), seat.workspace)


def log_in(*, email: str, password: str) -> Session:
    """Sign a user in; an unknown address takes as long as a wrong password."""
    tokens.demand_own()
    user = find_by_email(email)
    if not passwords.matches(password, user.password_hash if user else None) or user is None:
        raise BadLogin
    if user.kind == END_USER:
        raise BadLogin
    if not user.is_active:
        raise InactiveAccount
    return refresh(user)


def refresh(user: User) -> Session:
    """Give a user whose identity is proven a fresh pair of tokens."""
    return Session(user, tokens.issue(user))


def _add_user(email: str, name: str, password_hash: str) -> User:
    user = User(email=email, name=name, password_hash=password_hash)
    if not inserted(user):
        raise EmailTaken
    append("user.signed_up", actor=f"user:{user.id}", subject=f"user:{user.id}")
    return user
