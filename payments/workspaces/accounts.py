"""Verbs of accounts: sign up, log in, refresh."""

from __future__ import annotations

from dataclasses import dataclass

from payments.auth import credentials, passwords, sessions, tokens
from payments.auth.errors import BadLogin, EmailTaken, InactiveAccount
from payments.auth.login import check_login
from payments.auth.mail_allowance import has_mail_left
from payments.auth.models import END_USER, User
from payments.auth.principals import Caller
from payments.auth.queries import find_login_candidates
from payments.auth.tokens import Tokens
from payments.extensions import settings
from payments.kit.inserts import inserted
from payments.kit.security_log import SUCCEEDED, log_security_event
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
    """A user with the tokens that were just made for them."""

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
    passwords.check_new_password(password, email=email)
    password_hash = passwords.hash_password(password)  # slow on purpose: not while writers wait
    is_proven = is_vouched_for or invited is not None or not settings().email_verification
    is_mailed = not is_proven and has_mail_left(email)
    with transaction():
        user = _add_user(email, name, password_hash, is_proven=is_proven)
        seat = directory.add_workspace(user, name=directory.default_name(name))
        if invitation_token is not None:
            invitations.accept_within(user, invitation_token)
        if is_mailed:
            request_verification(user)
    return Session(user, sessions.start_session(user), seat.workspace)


def log_in(*, email: str, password: str) -> Session | Challenge:
    """Sign a user in; an unknown address takes as long as a wrong password.

    An account with a second factor gets a challenge, which `verify_second_factor` takes.
    """
    tokens.demand_own()
    found = find_login_candidates(email)
    user = check_login(found, email=email, password=password)
    if user is None or user.kind == END_USER:
        raise BadLogin
    if not user.is_active:
        raise InactiveAccount
    return second_factor.make_challenge(user) or Session(user, sessions.start_session(user))


def verify_second_factor(*, challenge_token: str, code: str) -> Session:
    """Sign in whoever has both the challenge of a right password and a code."""
    tokens.demand_own()
    user = second_factor.answer_challenge(challenge_token, code)
    return Session(user, sessions.start_session(user, methods=second_factor.METHODS))


def refresh(caller: Caller) -> Session:
    """Exchange the caller's refresh token for fresh tokens; BadToken when it was used before."""
    return Session(caller.user, sessions.refresh_session(caller.user, caller.claims))


def change_password(caller: Caller, *, current: str, new: str) -> Session:
    """Change the password; all sessions end and a new one begins."""
    return Session(caller.user, credentials.change_password(caller, current=current, new=new))


def _add_user(email: str, name: str, password_hash: str, *, is_proven: bool) -> User:
    user = User(email=email, name=name, password_hash=password_hash, is_email_verified=is_proven)
    if not inserted(user):
        raise EmailTaken
    append("user.signed_up", actor=f"user:{user.id}", subject=f"user:{user.id}")
    if is_proven and settings().email_verification:
        claim_address(user, by="invitation")
    log_security_event("sign_up", SUCCEEDED, user=user.id)
    return user
