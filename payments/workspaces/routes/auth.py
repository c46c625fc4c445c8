"""`/api/auth`: signing up, logging in, fresh tokens, and who the caller is."""

from __future__ import annotations

from typing import Any

from payments.auth import credentials
from payments.auth.guards import signed_in, with_caller
from payments.auth.guessing import limit_logins, limit_sign_ups
from payments.auth.models import User
from payments.auth.principals import Caller, find_member
from payments.kit.blueprints import Blueprint
from payments.kit.http import enveloped
from payments.users.second_factor import Challenge
from payments.workspaces import accounts
from payments.workspaces.schemas.accounts import (
    ChangePasswordSchema,
    LoggedOutSchema,
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
LoggedOutAnswer = enveloped("LoggedOutAnswer", LoggedOutSchema)


@blueprint.post("/signup")
@blueprint.doc(security=[])
@documented_errors(blueprint, 400, 403, 409)
@limit_sign_ups
@blueprint.arguments(SignupSchema)
@blueprint.response(200, enveloped("SignedUp", SignedUpSchema))
def sign_up(body: dict[str, Any]) -> dict[str, Any]:
    """Create an account and its first workspace."""
    return {"message": "Account created successfully", "data": accounts.sign_up(**body)}


@blueprint.post("/login")
@blueprint.doc(security=[])
@documented_errors(blueprint, 400, 401, 403)
@limit_logins
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

    The refresh token comes as the bearer token, or as `refreshToken` in the body. It is good once:
    using it again ends the session.
    """
    caller = find_member(refresh=True, token=body.get("refresh_token"))
    return {"message": "Tokens refreshed successfully", "data": accounts.refresh(caller)}


@blueprint.post("/logout")
@documented_errors(blueprint, 400, 401, 403)
@blueprint.arguments(RefreshSchema, required=False)
@blueprint.response(200, LoggedOutAnswer)
def log_out(body: dict[str, Any]) -> dict[str, Any]:
    """End the session of the access token, or of the `refreshToken` in the body."""
    credentials.log_out(find_member(token=body.get("refresh_token")))
    return {"message": "Logged out successfully", "data": {"sessions_ended": 1}}


@blueprint.post("/logout-all")
@documented_errors(blueprint, 401, 403)
@with_caller
@blueprint.response(200, LoggedOutAnswer)
def log_out_everywhere(caller: Caller) -> dict[str, Any]:
    """End all sessions of the caller, the present one too."""
    ended = credentials.log_out_everywhere(caller)
    return {"message": "Logged out everywhere successfully", "data": {"sessions_ended": ended}}


@blueprint.post("/change-password")
@documented_errors(blueprint, 400, 401, 403)
@limit_logins
@with_caller
@blueprint.arguments(ChangePasswordSchema)
@blueprint.response(200, SessionAnswer)
def change_password(body: dict[str, Any], caller: Caller) -> dict[str, Any]:
    """Change the password: all sessions end, and a new one begins with the tokens returned."""
    changed = accounts.change_password(
        caller, current=body["current_password"], new=body["new_password"]
    )
    return {"message": "Password changed successfully", "data": changed}


@blueprint.get("/me")
@documented_errors(blueprint, 401)
@signed_in
@blueprint.response(200, enveloped("Me", UserSchema))
def me(user: User) -> dict[str, Any]:
    """Return the caller."""
    return {"message": "User retrieved successfully", "data": user}
