"""`/api/auth/2fa`: the second factor of the caller's account, and the log-in that asks for it."""

from __future__ import annotations

from typing import Any

from payments.auth.guards import signed_in, with_caller
from payments.auth.guessing import limit_logins
from payments.auth.models import User
from payments.auth.principals import Caller
from payments.kit.blueprints import Blueprint
from payments.kit.http import enveloped
from payments.users import second_factor
from payments.workspaces import accounts
from payments.workspaces.schemas.accounts import SessionSchema
from payments.workspaces.schemas.errors import documented_errors
from payments.workspaces.schemas.recovery import (
    ChallengeAnswerSchema,
    CodeSchema,
    DisableSchema,
    NothingSchema,
    RecoveryCodesSchema,
    TotpSetupSchema,
)

blueprint = Blueprint(
    "second_factor", __name__, url_prefix="/api/auth", description="Second factors (TOTP)"
)

# Secrets that are shown once stay in no cache. https://www.rfc-editor.org/rfc/rfc9111#section-5.2.2
NO_STORE = {"Cache-Control": "no-store"}


@blueprint.post("/login/verify-2fa")
@blueprint.doc(security=[])
@documented_errors(blueprint, 400, 401, 403)
@limit_logins
@blueprint.arguments(ChallengeAnswerSchema)
@blueprint.response(200, enveloped("SecondFactorSession", SessionSchema))
def verify_second_factor(body: dict[str, Any]) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Finish a log-in that answered `requires2FA`, with a code or a recovery code.

    The challenge lasts five minutes; too many wrong codes cost a growing wait (429).
    """
    session = accounts.verify_second_factor(**body)
    return {"message": "Logged in successfully", "data": session}, 200, NO_STORE


@blueprint.post("/2fa/setup")
@documented_errors(blueprint, 401, 403, 409)
@signed_in
@blueprint.response(200, enveloped("SecondFactorSetup", TotpSetupSchema))
def set_up_second_factor(user: User) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Make a TOTP secret, shown this once; it counts once `2fa/enable` got a code of it."""
    setup = second_factor.set_up_factor(user)
    return {"message": "Second factor set up", "data": setup}, 200, NO_STORE


@blueprint.post("/2fa/enable")
@documented_errors(blueprint, 400, 401, 409)
@with_caller
@blueprint.arguments(CodeSchema)
@blueprint.response(200, enveloped("SecondFactorEnabled", RecoveryCodesSchema))
def enable_second_factor(
    body: dict[str, Any], caller: Caller
) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Demand a code at each log-in from now on; the recovery codes are shown this once."""
    data = {"recovery_codes": second_factor.enable_factor(caller, body["code"])}
    return {"message": "Second factor enabled", "data": data}, 200, NO_STORE


@blueprint.post("/2fa/disable")
@documented_errors(blueprint, 400, 401)
@signed_in
@blueprint.arguments(DisableSchema)
@blueprint.response(200, enveloped("SecondFactorDisabled", NothingSchema))
def disable_second_factor(body: dict[str, Any], user: User) -> dict[str, Any]:
    """Take the second factor away, with the password and a code."""
    second_factor.disable_factor(user, **body)
    return {"message": "Second factor disabled", "data": {}}
