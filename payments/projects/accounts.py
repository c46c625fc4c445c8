"""Verbs of this room's accounts: register, log in, refresh."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from uuid import UUID

from payments.auth import passwords, sessions, tokens
from payments.auth.errors import BadToken as Unproven
from payments.auth.login import check_login
from payments.auth.models import DEVELOPER, END_USER, User
from payments.auth.queries import find_end_user, find_login_candidates
from payments.auth.tokens import Tokens
from payments.extensions import settings
from payments.kit.inserts import inserted
from payments.kit.security_log import REFUSED, SUCCEEDED, log_security_event
from payments.kit.transactions import transaction
from payments.projects import api_keys, errors, queries
from payments.projects.guards import demand_caller
from payments.timeline.append import append
from payments.users import second_factor
from payments.users.second_factor import Challenge
from payments.users.verification import claim_address


@dataclass(frozen=True)
class Place:
    """What a registration's keys allow: a developer, or an end user of one project.

    `owner_id` is the developer whose server registers; the operator has no account. `actor` is
    whose key it was, as the timeline names it.
    """

    kind: str
    actor: str
    project_id: str | None = None
    owner_id: int | None = None


def place_for(
    *, operator_key: str | None, project_key: str | None, project_id: str | None
) -> Place:
    """Say whom these keys may register; RegistrationRefused without any, InvalidKey if wrong."""
    if operator_key is not None:
        if not _is_operators(operator_key):
            raise _refuse_key("operator")
        return Place(DEVELOPER, actor="operator")
    if project_key is None or project_id is None:
        raise errors.RegistrationRefused
    used = api_keys.recognize_key(project_key)
    project = None if used is None else queries.find_project(used.project_id)
    if used is None or project is None or project.id != project_id.lower():
        raise _refuse_key("project")
    return Place(END_USER, f"api_key:{used.id}", project.id, project.owner_id)


def register(place: Place, *, email: str, password: str, full_name: str | None) -> User:
    """Make the account; EmailTaken when the place has that address already.

    The operator, or the project's server, vouches for the address. An account that signed up with
    it and never proved it loses it.
    """
    passwords.check_new_password(password, email=email)
    password_hash = passwords.hash_password(password)  # slow on purpose: not while writers wait
    user = User(
        email=email,
        name=full_name or "",
        password_hash=password_hash,
        kind=place.kind,
        project_id=place.project_id,
    )
    with transaction():
        if not inserted(user):
            raise errors.EmailTaken
        append(
            "user.registered",
            actor=place.actor,
            subject=f"user:{user.id}",
            project_id=place.project_id,
            kind_of_user=place.kind,
        )
        if place.project_id is None and settings().email_verification:
            claim_address(user, by="operator", actor="operator")
        user_id = user.id
    log_security_event("registration", SUCCEEDED, user=user_id, kind=place.kind)
    return user


def log_in(*, email: str, password: str, project_id: str | None) -> Tokens | Challenge:
    """Sign a user in; an unknown address takes as long as a wrong password.

    An account with a second factor gets a challenge, which `verify_second_factor` takes.
    """
    tokens.demand_own()
    # Attempts are counted for the project, however its id is spelt.
    standing = None if project_id is None else get_standing(project_id)
    found = _find_candidates(email, standing)
    user = check_login(found, email=email, password=password, project_id=standing)
    if user is None:
        raise errors.BadLogin
    if not user.is_active:
        raise errors.AccountNotActivated
    return second_factor.make_challenge(user) or sessions.start_session(user)


def verify_second_factor(*, challenge_token: str, code: str) -> Tokens:
    """Sign in whoever has both the challenge of a right password and a code."""
    tokens.demand_own()
    try:
        user = second_factor.answer_challenge(challenge_token, code)
    except Unproven as error:
        raise errors.BadToken from error
    return sessions.start_session(user, methods=second_factor.METHODS)


def refresh(token: str) -> Tokens:
    """Exchange a refresh token for fresh ones; BadToken once its user or project is gone."""
    caller = demand_caller(token=token)
    user, claims = caller.user, caller.claims
    if claims.get("project_id") != user.project_id:
        raise errors.BadToken
    if user.project_id is not None and _standing(user.project_id) is None:
        raise errors.BadToken
    try:
        return sessions.refresh_session(user, claims)
    except Unproven as error:
        raise errors.BadToken from error


def _refuse_key(kind: str) -> errors.InvalidKey:
    log_security_event("registration_key", REFUSED, kind=kind)
    return errors.InvalidKey()


def _is_operators(key: str) -> bool:
    known = settings().operator_key
    return bool(known) and hmac.compare_digest(key.encode(), (known or "").encode())


def _find_candidates(email: str, project_id: str | None) -> list[User | None]:
    if project_id is None:
        return find_login_candidates(email)
    return [find_end_user(project_id, email)]


def get_standing(raw: str) -> str:
    """Return the id of the project that a header names; InvalidProjectHeader unless it stands."""
    project_id = _standing(raw)
    if project_id is None:
        raise errors.InvalidProjectHeader
    return project_id


def _standing(raw: str) -> str | None:
    """Return the id of a project that still stands; None for anything else."""
    try:
        project = queries.find_project(str(UUID(raw)))
    except ValueError:
        return None
    return project.id if project is not None and project.is_active else None
