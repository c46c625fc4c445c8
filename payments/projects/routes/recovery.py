"""`/api/v1/auth`: what mailed links are good for, and the log-in that asks for a code."""

from __future__ import annotations

from typing import Any

from flask import request

from payments.auth.guessing import limit_logins
from payments.auth.tokens import Tokens
from payments.kit.blueprints import ProjectsBlueprint
from payments.projects import accounts
from payments.projects.routes.auth import PROJECT_HEADER
from payments.projects.schemas.accounts import (
    ChallengeCodeSchema,
    DoneSchema,
    LinkTokenSchema,
    NewPasswordSchema,
    ResetRequestSchema,
    TokensSchema,
)
from payments.projects.schemas.base import documented_errors
from payments.users import reset, verification

blueprint = ProjectsBlueprint("projects_recovery", __name__, url_prefix="/api/v1/auth")


@blueprint.post("/login/verify-2fa")
@blueprint.doc(security=[])
@documented_errors(blueprint, 400, 401, 403, 422)
@limit_logins
@blueprint.arguments(ChallengeCodeSchema)
@blueprint.response(200, TokensSchema)
def verify_second_factor(body: dict[str, Any]) -> tuple[Tokens, int, dict[str, str]]:
    """Finish a log-in that answered `requires_2fa`, with a code or a recovery code."""
    return accounts.verify_second_factor(**body), 200, {"Cache-Control": "no-store"}


@blueprint.post("/verify-email")
@blueprint.doc(security=[])
@documented_errors(blueprint, 400, 422)
@limit_logins
@blueprint.arguments(LinkTokenSchema)
@blueprint.response(200, DoneSchema)
def verify_email(body: dict[str, Any]) -> dict[str, str]:
    """Verify an address with the token of the mailed link."""
    verification.verify_email(body["token"])
    return {"detail": "Email address verified"}


@blueprint.post("/forgot-password")
@blueprint.doc(security=[], parameters=[PROJECT_HEADER])
@documented_errors(blueprint, 400, 403, 422)
@limit_logins
@blueprint.arguments(ResetRequestSchema)
@blueprint.response(200, DoneSchema)
def forgot_password(body: dict[str, Any]) -> dict[str, str]:
    """Send a link to a new password, if the address has an account.

    End users name their project in `X-Project-ID`. The answer is the same for every address.
    """
    raw = request.headers.get("X-Project-ID")
    project_id = None if raw is None else accounts.get_standing(raw)
    reset.request_reset(body["email"], project_id=project_id)
    return {"detail": "If the address has an account, a link was sent to it"}


@blueprint.post("/reset-password")
@blueprint.doc(security=[])
@documented_errors(blueprint, 400, 422)
@limit_logins
@blueprint.arguments(NewPasswordSchema)
@blueprint.response(200, DoneSchema)
def reset_password(body: dict[str, Any]) -> dict[str, str]:
    """Set a new password with the token of the mailed link; every session ends."""
    reset.reset_password(body["token"], body["password"], of_projects=True)
    return {"detail": "Password reset"}
