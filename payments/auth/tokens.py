"""Access and refresh tokens: signed, short-lived, and never the source of a role."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Flask
from flask_jwt_extended import create_access_token, create_refresh_token

from payments.auth.models import User
from payments.kit import clock

ACCESS_FOR = timedelta(minutes=30)
REFRESH_FOR = timedelta(days=7)


@dataclass(frozen=True)
class Tokens:
    """A fresh pair; the repr keeps them to itself."""

    access: str
    refresh: str
    expires_at: datetime

    def __repr__(self) -> str:
        return f"<Tokens until {self.expires_at:%H:%M}>"


def configure(app: Flask, secret: str) -> None:
    """Fix the algorithm and the lifetimes: a token cannot choose how it is checked."""
    app.config.update(
        JWT_SECRET_KEY=secret,
        JWT_ALGORITHM="HS256",
        JWT_DECODE_ALGORITHMS=["HS256"],
        JWT_ACCESS_TOKEN_EXPIRES=ACCESS_FOR,
        JWT_REFRESH_TOKEN_EXPIRES=REFRESH_FOR,
        JWT_TOKEN_LOCATION=["headers"],
    )


def issue(user: User) -> Tokens:
    """Return a new pair for the user; end users' tokens also carry their project."""
    claims = {"project_id": user.project_id} if user.project_id else {}
    return Tokens(
        access=create_access_token(user.uuid, additional_claims=claims),
        refresh=create_refresh_token(user.uuid, additional_claims=claims),
        expires_at=clock.now() + ACCESS_FOR,
    )
