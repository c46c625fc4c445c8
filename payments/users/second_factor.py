"""Verbs of second factors: set up, enable, disable, and the log-in that waits for a code."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from payments.auth import passwords, tokens
from payments.auth.errors import BadLogin, BadToken, EmailUnverified
from payments.auth.models import User
from payments.auth.notices import (
    SECOND_FACTOR_DISABLED,
    SECOND_FACTOR_ENABLED,
    request_notice,
)
from payments.auth.principals import Caller
from payments.auth.queries import is_verified
from payments.auth.sessions import end_sessions_of
from payments.kit.db import db
from payments.kit.inserts import inserted
from payments.kit.security_log import REFUSED, SUCCEEDED, log_security_event
from payments.kit.transactions import transaction
from payments.timeline.append import append
from payments.users import codes, links
from payments.users.errors import InvalidCode, NoSecondFactor, SecondFactorEnabled
from payments.users.models import SecondFactor

CHALLENGE_LIFETIME = timedelta(minutes=5)
# https://www.rfc-editor.org/rfc/rfc8176#section-2
METHODS = ("pwd", "otp", "mfa")


@dataclass(frozen=True)
class Setup:
    """A secret that was just made, shown once; the repr keeps it to itself."""

    secret: str
    uri: str

    def __repr__(self) -> str:
        return "<Setup>"


@dataclass(frozen=True)
class Challenge:
    """A log-in whose password was right and that waits for a code."""

    token: str

    def __repr__(self) -> str:
        return "<Challenge>"


def set_up_factor(user: User) -> Setup:
    """Make a secret that counts once a code was made with it; a former unused one is replaced.

    An account whose address may be a stranger's gets none: it would lock that stranger out.
    """
    tokens.demand_own()
    user_id = user.id
    with transaction():
        held = db.session.get_one(User, user_id)
        if not is_verified(held):
            raise EmailUnverified
        inserted(SecondFactor(user_id=user_id))
        factor = _lock(user_id)
        if factor.is_enabled:
            raise SecondFactorEnabled
        secret = codes.new_secret()
        codes.seal_secret(factor, secret)
        return Setup(secret, codes.make_uri(held, secret))


def enable_factor(caller: Caller, code: str) -> list[str]:
    """Demand a code at each log-in from now on; return the recovery codes, shown once.

    Sessions that began without a code end, but for the one in which it is asked for.
    """
    user_id, recovery = caller.user.id, list[str]()
    with transaction():
        factor = _lock(user_id)
        if factor.is_enabled:
            raise SecondFactorEnabled
        accepted = codes.accept_code(factor, code, recovery=False)
        if accepted:
            factor.is_enabled = True
            recovery = codes.make_recovery_codes(factor)
            _record("user.second_factor_enabled", user_id)
            end_sessions_of(user_id, reason="second_factor_enabled", except_session=caller.sid)
            request_notice(SECOND_FACTOR_ENABLED, db.session.get_one(User, user_id))
    _log("second_factor_enabled", user_id, accepted=accepted)
    if not accepted:
        raise InvalidCode
    return recovery


def disable_factor(user: User, *, password: str, code: str) -> None:
    """Take the second factor away; BadLogin or InvalidCode, each of which counts as a guess."""
    user_id = user.id
    right = passwords.is_password_correct(password, user.password_hash)
    with transaction():
        factor = _lock(user_id)
        if not factor.is_enabled:
            raise NoSecondFactor
        codes.check_wait(factor)
        accepted = right and codes.accept_code(factor, code)
        if not right:
            codes.count_failure(factor)
        if accepted:
            remove_factor(factor, actor=f"user:{user_id}")
    _log("second_factor_disabled", user_id, accepted=accepted)
    if not right:
        raise BadLogin("The password is not right")
    if not accepted:
        raise InvalidCode


def remove_factor(factor: SecondFactor, *, actor: str) -> None:
    """Delete the factor and tell its user, inside the caller's transaction."""
    db.session.delete(factor)
    _record("user.second_factor_disabled", factor.user_id, actor=actor)
    request_notice(SECOND_FACTOR_DISABLED, db.session.get_one(User, factor.user_id))


def make_challenge(user: User) -> Challenge | None:
    """Return what a right password gets instead of tokens; None without a second factor."""
    if not codes.has_second_factor(user):
        return None
    facts = links.describe_user(user)
    return Challenge(links.sign_token(links.SECOND_FACTOR, CHALLENGE_LIFETIME, **facts))


def answer_challenge(token: str, code: str) -> User:
    """Return the user whose challenge and code these are; BadToken or InvalidCode."""
    user_id = _find_challenged(token).id
    with transaction():
        factor = codes.lock_factor(user_id)
        accepted = factor is not None and factor.is_enabled and codes.accept_code(factor, code)
    _log("login_second_factor", user_id, accepted=accepted)
    if not accepted:
        raise InvalidCode
    return db.session.get_one(User, user_id)


def _find_challenged(token: str) -> User:
    try:
        facts = links.read_token(links.SECOND_FACTOR, token)
    except links.InvalidLink as error:
        raise BadToken("Log in again: the challenge is not valid or has expired") from error
    user = links.find_described(facts)
    if user is None:
        raise BadToken("Log in again: the challenge is not valid or has expired")
    return user


def _lock(user_id: int) -> SecondFactor:
    factor = codes.lock_factor(user_id)
    if factor is None:
        raise NoSecondFactor
    return factor


def _record(kind: str, user_id: int, *, actor: str | None = None) -> None:
    append(kind, actor=actor or f"user:{user_id}", subject=f"user:{user_id}")


def _log(event: str, user_id: int, *, accepted: bool) -> None:
    log_security_event(event, SUCCEEDED if accepted else REFUSED, user=user_id)
