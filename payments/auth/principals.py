"""From a bearer token to the row of the user: roles always come from the row."""

from __future__ import annotations

from typing import Any

from flask_jwt_extended import (
    decode_token,
    get_jwt,
    get_jwt_header,
    get_unverified_jwt_headers,
    verify_jwt_in_request,
)
from flask_jwt_extended.exceptions import JWTExtendedException
from jwt.exceptions import PyJWTError

from payments.auth import provider
from payments.auth.errors import BadToken
from payments.auth.models import END_USER, User
from payments.auth.queries import find_user
from payments.extensions import settings
from payments.kit import logs

ACCESS, REFRESH = "access", "refresh"


def current_user(*, refresh: bool = False) -> User:
    """Return the active user whose token came with the request; BadToken in all other cases.

    End users of projects have no business in the workspaces room: their tokens count as bad.
    """
    return _active_user(_identity(refresh=refresh))


def caller() -> tuple[User, dict[str, Any]]:
    """Return any active user with the claims of his access token: the projects room's door."""
    user = _known_user(_identity(refresh=False))
    return user, dict(get_jwt())


def user_of_refresh_token(token: str) -> User:
    """Return the active user of a refresh token that came in the body instead of the header."""
    return _active_user(_subject(_claims(token), REFRESH))


def caller_of_refresh_token(token: str) -> tuple[User, dict[str, Any]]:
    """Return any active user with the claims of his refresh token: the projects room's door."""
    claims = _claims(token)
    return _known_user(_subject(claims, REFRESH)), claims


def _claims(token: str) -> dict[str, Any]:
    try:
        claims = dict(decode_token(token))
        _demand_own(get_unverified_jwt_headers(token))
    except (JWTExtendedException, PyJWTError, ValueError, TypeError) as error:
        raise BadToken from error
    return claims


def _demand_own(header: dict[str, Any]) -> None:
    """Refuse to make tokens out of the provider's: what it ends must end here, too."""
    if not provider.is_own(header):
        raise BadToken


def _known_user(user_uuid: str) -> User:
    user = find_user(user_uuid)
    if user is None or not user.is_active:
        raise BadToken("User ID not found")
    logs.bind(user=user.id)
    return user


def _active_user(user_uuid: str) -> User:
    user = find_user(user_uuid)
    if user is None or not user.is_active or user.kind == END_USER:
        raise BadToken("User ID not found")
    logs.bind(user=user.id)
    return user


def _identity(*, refresh: bool) -> str:
    try:
        verify_jwt_in_request(refresh=refresh)
    except (JWTExtendedException, PyJWTError) as error:
        raise BadToken from error
    except (ValueError, TypeError) as error:  # a header that is no text, a claim of odd type
        raise BadToken from error
    if refresh:
        _demand_own(get_jwt_header())
    return _subject(get_jwt(), REFRESH if refresh else ACCESS)


def _subject(claims: dict[str, Any], kind: str) -> str:
    """Return whom the claims name; a token of another kind, or one without an end, is bad."""
    if claims.get("type") != kind or "exp" not in claims or _is_for_others(claims):
        raise BadToken
    subject = str(claims["sub"])
    if not subject.isprintable():  # NUL and its like cannot even be looked up
        raise BadToken
    return subject


def _is_for_others(claims: dict[str, Any]) -> bool:
    """Say whether a token names an audience, and not us among it.

    https://www.rfc-editor.org/rfc/rfc7519#section-4.1.3
    """
    named = claims.get("aud", [])
    meant = named if isinstance(named, list) else [named]
    return bool(meant) and settings().jwt_audience not in meant
