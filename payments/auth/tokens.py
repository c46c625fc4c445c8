"""Access and refresh tokens: signed, short-lived, and never the source of a role."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import Flask
from flask_jwt_extended import create_access_token, create_refresh_token

from payments.auth import provider
from payments.auth.errors import LoginElsewhere
from payments.auth.models import LoginSession, User
from payments.config import Settings
from payments.extensions import jwt, settings
from payments.kit import clock

ACCESS_FOR = timedelta(minutes=30)
REFRESH_FOR = timedelta(days=7)
# How far the provider's clock may be from ours.
PROVIDERS_SKEW = timedelta(seconds=10)


@dataclass(frozen=True)
class Tokens:
    """A fresh pair; the repr keeps them to itself."""

    access: str
    refresh: str
    expires_at: datetime

    def __repr__(self) -> str:
        return f"<Tokens until {self.expires_at:%H:%M}>"


def configure(app: Flask, chosen: Settings) -> None:
    """Fix the algorithms and the lifetimes: a token cannot choose how it is checked."""
    allowed = provider.algorithms(chosen)
    app.config.update(
        JWT_SECRET_KEY=chosen.jwt_secret_key,
        JWT_ALGORITHM=provider.OWN,
        JWT_DECODE_ALGORITHMS=allowed,
        JWT_DECODE_LEEWAY=0 if allowed == [provider.OWN] else PROVIDERS_SKEW,
        JWT_ACCESS_TOKEN_EXPIRES=ACCESS_FOR,
        JWT_REFRESH_TOKEN_EXPIRES=REFRESH_FOR,
        JWT_TOKEN_LOCATION=["headers"],
    )
    jwt.decode_key_loader(provider.key_for)
    jwt.token_verification_loader(provider.is_for_us)


def demand_own() -> None:
    """Raise LoginElsewhere where the platform's identity provider alone issues tokens."""
    if not settings().jwt_secret_key:
        raise LoginElsewhere


def issue_tokens(user: User, session: LoginSession) -> Tokens:
    """Return a new pair for the user's session; no token outlives it.

    The tokens name their session (`sid`), how the person proved who they are (`amr`, RFC 8176) and
    when (`auth_time`); end users' tokens name their project too.
    """
    claims = _make_claims(user, session)
    left = session.expires_at - clock.now()
    access_for, refresh_for = min(ACCESS_FOR, left), min(REFRESH_FOR, left)
    return Tokens(
        access=create_access_token(user.uuid, expires_delta=access_for, additional_claims=claims),
        refresh=create_refresh_token(
            user.uuid,
            expires_delta=refresh_for,
            additional_claims={**claims, "jti": session.refresh_id},
        ),
        expires_at=clock.now() + access_for,
    )


def _make_claims(user: User, session: LoginSession) -> dict[str, Any]:
    claims = {
        "sid": session.sid,
        "amr": session.methods.split(),
        "auth_time": int(session.created_at.timestamp()),
    }
    return {**claims, "project_id": user.project_id} if user.project_id else claims
