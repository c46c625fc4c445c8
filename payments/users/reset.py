"""A forgotten password: a mailed link, good for one hour and one use, ends every session."""

from __future__ import annotations

from datetime import timedelta

from payments.auth import passwords, tokens
from payments.auth.errors import MailNotConfigured
from payments.auth.mail_allowance import admit_mail
from payments.auth.models import END_USER, User
from payments.auth.notices import PASSWORD_CHANGED, request_notice
from payments.auth.queries import find_claimants, find_end_user, find_user
from payments.auth.sessions import end_sessions_of
from payments.kit.db import db
from payments.kit.repeat import repeated
from payments.kit.security_log import REFUSED, SUCCEEDED, log_security_event
from payments.kit.transactions import transaction
from payments.mail.outbox import can_send_mail, request_mail
from payments.timeline.append import append
from payments.users import links
from payments.users.links import InvalidLink
from payments.users.verification import claim_address, lock_claimants

FORGOTTEN = "password_forgotten"  # the kind of the mail
LIFETIME = timedelta(hours=1)


def request_reset(email: str, *, project_id: str | None = None) -> None:
    """Ask for the mail with the link; MailNotConfigured where no mail is sent.

    The worker looks whether there is an account: this takes as long for every address.
    https://cheatsheetseries.owasp.org/cheatsheets/Forgot_Password_Cheat_Sheet.html
    """
    tokens.demand_own()
    if not can_send_mail():
        raise MailNotConfigured
    admit_mail(email, project_id)
    with transaction():
        request_mail(FORGOTTEN, email.lower(), project_id=project_id)
    log_security_event("password_reset_requested", SUCCEEDED, project=project_id)


def find_resettable(email: str, project_id: str | None) -> User | None:
    """Return the active account whose password the owner of an address may set anew."""
    if project_id is not None:
        user = find_end_user(project_id, email)
    else:
        owner, newest = find_claimants(email)
        user = owner or newest
    return user if user is not None and user.is_active else None


def sign_reset(user: User) -> str:
    """Return the token of the link; it dies with the password that it replaces."""
    return links.sign_token(links.RESET_PASSWORD, LIFETIME, **links.describe_user(user))


def reset_password(token: str, password: str, *, of_projects: bool) -> User:
    """Set the password; InvalidLink for a link that is over, WeakPassword for a bad one.

    Whoever has the link reads the address's mail, so the address counts as proven from now on.
    `of_projects` allows end users.
    """
    facts = links.read_token(links.RESET_PASSWORD, token)
    user = _find_named(facts, of_projects=of_projects)
    passwords.check_new_password(password, email=user.email)
    password_hash = passwords.hash_password(password)  # slow on purpose: not while writers wait
    return _replace_password(user.uuid, facts, password_hash)


def _find_named(facts: dict[str, str], *, of_projects: bool) -> User:
    user = links.find_described(facts)
    if user is None or (user.kind == END_USER and not of_projects):
        log_security_event("password_reset", REFUSED)
        raise InvalidLink
    return user


@repeated
def _replace_password(user_uuid: str, facts: dict[str, str], password_hash: str) -> User:
    with transaction():
        named = find_user(user_uuid)
        rows = [] if named is None else lock_claimants(named.email, named.project_id)
        user = next((row for row in rows if row.uuid == user_uuid), None)
        # Of two uses at once the second finds another password.
        if user is None or not user.is_active or not links.is_same(user, facts):
            raise InvalidLink
        owned = any(row.is_email_verified for row in rows)
        if not user.is_email_verified and owned:
            raise InvalidLink
        user.password_hash = password_hash
        if not user.is_email_verified:
            claim_address(user, by="reset")
        _record_reset(user)
    log_security_event("password_reset", SUCCEEDED, user=user.id)
    return user


def _record_reset(user: User) -> None:
    end_sessions_of(user.id, reason="password_reset")
    subject = f"user:{user.id}"
    append("user.password_reset", actor=subject, subject=subject, project_id=user.project_id)
    request_notice(PASSWORD_CHANGED, user)
    db.session.flush()
