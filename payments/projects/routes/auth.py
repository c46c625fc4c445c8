"""`/api/v1/auth`: registering, logging in, fresh tokens, and who the caller is."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from flask import request

from payments.auth import credentials
from payments.auth.guessing import limit_logins, limit_registrations, limit_wrong_keys
from payments.auth.models import User
from payments.auth.principals import Caller
from payments.auth.tokens import Tokens
from payments.idempotency.replay import idempotent
from payments.kit.blueprints import ProjectsBlueprint, with_headers
from payments.projects import accounts
from payments.projects.accounts import Place
from payments.projects.guards import demand_caller, signed_in, with_caller
from payments.projects.schemas.accounts import (
    AccountSchema,
    CredentialsSchema,
    LogoutSchema,
    PasswordChangeSchema,
    RefreshTokenSchema,
    RegisterSchema,
    TokensOrChallengeSchema,
    TokensSchema,
)
from payments.projects.schemas.base import documented_errors
from payments.users.second_factor import Challenge

View = TypeVar("View", bound=Callable[..., Any])

blueprint = ProjectsBlueprint("projects_auth", __name__, url_prefix="/api/v1/auth")

PROJECT_HEADER = {
    "name": "X-Project-ID",
    "in": "header",
    "schema": {"type": "string", "format": "uuid"},
}
_KEYS = [
    {"name": name, "in": "header", "schema": {"type": "string"}}
    for name in ("X-Operator-Key", "X-Developer-Key")
]


def registrar(view: View) -> View:
    """Give the view the `place` that the request's keys allow; 403 before the body is read."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        place = accounts.place_for(
            operator_key=request.headers.get("X-Operator-Key"),
            project_key=request.headers.get("X-Developer-Key"),
            project_id=request.headers.get("X-Project-ID"),
        )
        return view(*args, place=place, **kwargs)

    return cast(View, guarded)


@blueprint.post("/register")
@blueprint.doc(security=[])
@with_headers(*_KEYS, PROJECT_HEADER)
@documented_errors(blueprint, 400, 403, 409, 422)
@limit_registrations
@limit_wrong_keys
@registrar
@idempotent
@blueprint.arguments(RegisterSchema)
@blueprint.response(201, AccountSchema)
def register(body: dict[str, Any], place: Place) -> User:
    """Make a developer with the operator's key, or an end user with a project's key."""
    return accounts.register(place, **body)


@blueprint.post("/login")
@blueprint.doc(security=[], parameters=[PROJECT_HEADER])
@documented_errors(blueprint, 400, 401, 403, 422)
@limit_logins
@blueprint.arguments(CredentialsSchema)
@blueprint.response(200, TokensOrChallengeSchema)
def log_in(body: dict[str, Any]) -> Tokens | dict[str, Any]:
    """Log in; end users name their project in `X-Project-ID`.

    A developer with a second factor gets `requires_2fa` and a `challenge_token` for
    `POST /api/v1/auth/login/verify-2fa` instead of tokens.
    """
    found = accounts.log_in(**body, project_id=request.headers.get("X-Project-ID"))
    if isinstance(found, Challenge):
        return {"requires_2fa": True, "token": found.token}
    return found


@blueprint.post("/refresh")
@blueprint.doc(security=[])
@documented_errors(blueprint, 401, 422)
@blueprint.arguments(RefreshTokenSchema)
@blueprint.response(200, TokensSchema)
def refresh(body: dict[str, Any]) -> Tokens:
    """Exchange a refresh token, which is good once, for fresh tokens."""
    return accounts.refresh(body["refresh_token"])


@blueprint.post("/logout")
@documented_errors(blueprint, 401, 403, 422)
@blueprint.arguments(LogoutSchema, required=False)
@blueprint.response(204)
def log_out(body: dict[str, Any]) -> None:
    """End the session of the access token, or of the `refresh_token` in the body."""
    credentials.log_out(demand_caller(token=body.get("refresh_token")))


@blueprint.post("/logout-all")
@documented_errors(blueprint, 401, 403)
@with_caller
@blueprint.response(204)
def log_out_everywhere(caller: Caller) -> None:
    """End all sessions of the caller, the present one too."""
    credentials.log_out_everywhere(caller)


@blueprint.post("/change-password")
@documented_errors(blueprint, 400, 401, 403, 422)
@limit_logins
@with_caller
@blueprint.arguments(PasswordChangeSchema)
@blueprint.response(200, TokensSchema)
def change_password(body: dict[str, Any], caller: Caller) -> Tokens:
    """Change the password: all sessions end, and a new one begins with the tokens returned."""
    return credentials.change_password(
        caller, current=body["current_password"], new=body["new_password"]
    )


@blueprint.get("/me")
@documented_errors(blueprint, 401, 404)
@signed_in
@blueprint.response(200, AccountSchema)
def me(user: User) -> User:
    """Return the caller."""
    return user
