"""Verbs of accounts: sign up, log in, refresh."""

from __future__ import annotations

from dataclasses import dataclass

from payments.auth import passwords, tokens
from payments.auth.errors import BadLogin, EmailTaken, InactiveAccount
from payments.auth.models import END_USER, User
from payments.auth.queries import find_by_password
from payments.auth.sessions import start_session
from payments.auth.tokens import Tokens
from payments.extensions import settings
from payments.kit.inserts import inserted
from payments.kit.transactions import transaction
from payments.timeline.append import append
from payments.users import second_factor
from payments.users.second_factor import Challenge
from payments.users.verification import claim_address, request_verification
from payments.workspaces import directory, invitations
from payments.workspaces.errors import InvitedElsewhere
from payments.workspaces.models import Workspace


@dataclass(frozen=True)
class Session:
    """A user with the tokens that were just made for him."""

    user: User
    tokens: Tokens
    workspace: Workspace | None = None


def sign_up(
    *,
    email: str,
    password: str,
    name: str,
    invitation_token: str | None = None,
    is_vouched_for: bool = False,
) -> Session:
    """Make a user and the first workspace, and sign the user in.

    While addresses are verified by mail anybody may sign up with any address, and the answer is
    the same whoever has it. A link of an invitation, like `is_vouched_for`, proves the address.
    """
    tokens.demand_own()
    invited = None if invitation_token is None else invitations.find_invitation(invitation_token)
    if invited is not None and invited.email != email:
        raise InvitedElsewhere
    password_hash = passwords.hashed(password)  # slow on purpose: not while writers wait
    is_proven = is_vouched_for or invited is not None or not settings().email_verification
    with transaction():
        user = _add_user(email, name, password_hash, is_proven=is_proven)
        seat = directory.add_workspace(user, name=directory.default_name(name))
        if invitation_token is not None:
            invitations.accept_within(user, invitation_token)
        request_verification(user)
    return Session(user, start_session(user), seat.workspace)


def log_in(*, email: str, password: str) -> Session | Challenge:
    """Sign a user in; an unknown address takes as long as a wrong password.

    An account with a second factor gets a challenge, which `verify_second_factor` takes.
    """
    tokens.demand_own()
    user = find_by_password(email, password)
    if user is None or user.kind == END_USER:
        raise BadLogin
    if not user.is_active:
        raise InactiveAccount
    return second_factor.make_challenge(user) or Session(user, start_session(user))


def verify_second_factor(*, challenge_token: str, code: str) -> Session:
    """Sign in whoever has both the challenge of a right password and a code."""
    tokens.demand_own()
    user = second_factor.answer_challenge(challenge_token, code)
    return Session(user, start_session(user, methods=second_factor.METHODS))


def refresh(user: User) -> Session:
    """Give a user whose identity is proven a fresh pair of tokens."""
    return Session(user, tokens.issue(user))


def _add_user(email: str, name: str, password_hash: str, *, is_proven: bool) -> User:
    user = User(email=email, name=name, password_hash=password_hash, is_email_verified=is_proven)
    if not inserted(user):
        raise EmailTaken
    append("user.signed_up", actor=f"user:{user.id}", subject=f"user:{user.id}")
    if is_proven and settings().email_verification:
        claim_address(user, by="invitation")
    return user
