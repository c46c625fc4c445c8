"""Texts that only we can have written: the secret part of a mailed link, or of a log-in under way.

Each is bound to one purpose and carries its end; what makes it good for one use is in the facts
that its reader compares.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from itsdangerous import BadData, URLSafeSerializer

from payments.auth.models import User
from payments.auth.queries import find_user
from payments.extensions import settings
from payments.kit import clock
from payments.kit.errors import BadInput

VERIFY_EMAIL, RESET_PASSWORD = "verify-email", "reset-password"
ACCEPT_INVITATION, SECOND_FACTOR = "accept-invitation", "second-factor"

LONGEST = 2048


class InvalidLink(BadInput):
    code, sentence = "invalid_link", "This link is not valid, was used already, or has expired"


def sign_token(purpose: str, lifetime: timedelta, **facts: Any) -> str:
    """Return the facts signed for a purpose, with the first of SECRET_KEYS."""
    ends = clock.timestamp() + int(lifetime.total_seconds())
    return str(_make_serializer(purpose).dumps({**facts, "ends": ends}))


def read_token(purpose: str, token: str) -> dict[str, Any]:
    """Return the facts of a token; InvalidLink when it is another's, another purpose's or over."""
    try:
        facts = _make_serializer(purpose).loads(token)
    except (BadData, ValueError, RecursionError) as error:
        raise InvalidLink from error
    if not isinstance(facts, dict) or facts.get("ends", 0) <= clock.timestamp():
        raise InvalidLink
    return facts


def make_link(purpose: str, token: str) -> str:
    """Return the page of the front end that takes the token."""
    return f"{settings().frontend_url}/{purpose}?token={quote(token)}"


def fingerprint_user(user: User) -> str:
    """Return what changes with the user's password or standing: keyed, so it tells neither.

    A token that carries it is worth nothing after any of these changed.
    """
    held = f"{user.id}|{user.email}|{user.is_active}"
    # The stored hash is the key: it changes with the password, and nobody else knows it.
    key = f"payments.fingerprint|{user.password_hash}"
    return hmac.new(key.encode(), held.encode(), hashlib.sha256).hexdigest()[:32]


def describe_user(user: User) -> dict[str, str]:
    """Return the facts of a token that is the user's for as long as they stay as they are."""
    return {"user": user.uuid, "user_is": fingerprint_user(user)}


def is_same(user: User, facts: dict[str, Any]) -> bool:
    """Return whether the user still is as the facts of a token say."""
    told = str(facts.get("user_is", ""))
    return hmac.compare_digest(fingerprint_user(user).encode(), told.encode())


def find_described(facts: dict[str, Any]) -> User | None:
    """Return the active user of `describe_user`'s facts; None if anything changed since."""
    user = find_user(str(facts.get("user")))
    if user is None or not user.is_active or not is_same(user, facts):
        return None
    return user


def _make_serializer(purpose: str) -> URLSafeSerializer:
    # The library signs with the last key of its list and verifies with all.
    # https://itsdangerous.palletsprojects.com/en/stable/concepts/#key-rotation
    keys = list(reversed(settings().secret_keys))
    return URLSafeSerializer(
        keys, salt=f"payments.{purpose}", signer_kwargs={"digest_method": hashlib.sha256}
    )
