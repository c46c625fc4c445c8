"""From a bearer token to the row of the user: roles always come from the row."""

from __future__ import annotations

from dataclasses import dataclass, field
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
from payments.auth.errors import BadToken, SessionElsewhere
from payments.auth.models import END_USER, User
from payments.auth.queries import find_user, find_user_in_session
from payments.extensions import settings
from payments.kit import logs

ACCESS, REFRESH = "access", "refresh"


@dataclass(frozen=True)
class Caller:
    """An active user with the verified claims of their token.

    `sid` names their session; there is none with a token of the platform's identity provider.
    """

    user: User
    claims: dict[str, Any] = field(repr=False)
    sid: str | None

    def demand_session(self) -> str:
        """Return the session's `sid`; SessionElsewhere when the identity provider keeps it."""
        if self.sid is None:
            raise SessionElsewhere
        return self.sid


def current_user() -> User:
    """Return the active user whose token came with the request; BadToken in all other cases.

    End users of projects have no business in the workspaces room: their tokens count as bad.
    """
    return find_member().user


def find_member(*, refresh: bool = False, token: str | None = None) -> Caller:
    """Return the caller like `find_caller`; end users of projects count as nobody."""
    found = find_caller(refresh=refresh, token=token)
    if found.user.kind == END_USER:
        raise BadToken("User ID not found")
    return found


def find_caller(*, refresh: bool = False, token: str | None = None) -> Caller:
    """Return whoever the request's access token names, or its refresh token if `refresh`.

    `token` is a refresh token that came in the body instead of the header. BadToken when the token
    is not good, when the user is gone or switched off, and when the session is over.
    """
    claims, header = _read_header(refresh=refresh) if token is None else _read_token(token)
    is_own = provider.is_own(header)
    is_refresh = refresh or token is not None
    if is_refresh and not is_own:  # what the provider ends must end here, too
        raise BadToken
    subject = _subject(claims, REFRESH if is_refresh else ACCESS)
    return _find_in_session(subject, claims) if is_own else Caller(_find(subject), claims, None)


def _find(user_uuid: str) -> User:
    return _demand_active(find_user(user_uuid))


def _find_in_session(user_uuid: str, claims: dict[str, Any]) -> Caller:
    """Look the user up together with the session, which must be running."""
    sid = claims.get("sid")
    # One from before there were sessions has none; NUL and its like cannot even be looked up.
    if not isinstance(sid, str) or not sid.isprintable():
        raise BadToken
    user, is_running = find_user_in_session(user_uuid, sid)
    active = _demand_active(user)
    if not is_running:
        raise BadToken
    return Caller(active, claims, sid)


def _demand_active(user: User | None) -> User:
    if user is None or not user.is_active:
        raise BadToken("User ID not found")
    logs.bind(user=user.id)
    return user


def _read_token(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    try:
        return dict(decode_token(token)), dict(get_unverified_jwt_headers(token))
    except (JWTExtendedException, PyJWTError, ValueError, TypeError) as error:
        raise BadToken from error


def _read_header(*, refresh: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    try:
        verify_jwt_in_request(refresh=refresh)
    except (JWTExtendedException, PyJWTError) as error:
        raise BadToken from error
    except (ValueError, TypeError) as error:  # a header that is no text, a claim of odd type
        raise BadToken from error
    return dict(get_jwt()), dict(get_jwt_header())


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
