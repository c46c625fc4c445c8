"""`/api/auth`: signing up, logging in, fresh tokens, and who the caller is."""

from __future__ import annotations

from typing import Any

from payments.auth.guards import signed_in
from payments.auth.login_limit import login_key, login_limit
from payments.auth.models import User
from payments.auth.principals import current_user, user_of_refresh_token
from payments.extensions import limiter
from payments.kit.blueprints import Blueprint
from payments.kit.http import enveloped
from payments.users.second_factor import Challenge
from payments.workspaces import accounts
from payments.workspaces.schemas.accounts import (
    LoginAnswerSchema,
    LoginSchema,
    RefreshSchema,
    SessionSchema,
    SignedUpSchema,
    SignupSchema,
    UserSchema,
)
from payments.workspaces.schemas.errors import documented_errors

blueprint = Blueprint("auth", __name__, url_prefix="/api/auth", description="Accounts and tokens")

SessionAnswer = enveloped("SessionAnswer", SessionSchema)


@blueprint.post("/signup")
@blueprint.doc(security=[])
@documented_errors(blueprint, 400, 403, 409)
@blueprint.arguments(SignupSchema)
@blueprint.response(200, enveloped("SignedUp", SignedUpSchema))
def sign_up(body: dict[str, Any]) -> dict[str, Any]:
    """Create an account and its first workspace."""
    return {"message": "Account created successfully", "data": accounts.sign_up(**body)}


@blueprint.post("/login")
@blueprint.doc(security=[])
@documented_errors(blueprint, 400, 401, 403)
@limiter.limit(login_limit, key_func=login_key, override_defaults=False)
@blueprint.arguments(LoginSchema)
@blueprint.response(200, enveloped("LoggedIn", LoginAnswerSchema))
def log_in(body: dict[str, Any]) -> dict[str, Any]:
    """Log in with email and password.

    An account with a second factor gets `requires2FA` and a `challengeToken` for
    `POST /api/auth/login/verify-2fa` instead of tokens.
    """
    found = accounts.log_in(**body)
    if isinstance(found, Challenge):
        return {"message": "A code is needed", "data": {"requires_2fa": True, "challenge": found}}
    return {"message": "Logged in successfully", "data": found}


@blueprint.post("/refresh")
@documented_errors(blueprint, 400, 401)
@blueprint.arguments(RefreshSchema, required=False)
@blueprint.response(200, SessionAnswer)
def refresh(body: dict[str, Any]) -> dict[str, Any]:
    """Exchange a refresh token for fresh tokens.

    The refresh token comes as the bearer token, or as `refreshToken` in the body.
    """
    token = body.get("refresh_token")
    user = user_of_refresh_token(token) if token else current_user(refresh=True)
    return {"message": "Tokens refreshed successfully", "data": accounts.refresh(user)}


@blueprint.get("/me")
@documented_errors(blueprint, 401)
@signed_in
@blueprint.response(200, enveloped("Me", UserSchema))
def me(user: User) -> dict[str, Any]:
    """Return the caller."""
    return {"message": "User retrieved successfully", "data": user}
