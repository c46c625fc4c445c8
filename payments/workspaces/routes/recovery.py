"""`/api/auth`: what mailed links are good for."""

from __future__ import annotations

from typing import Any

from payments.auth.guards import signed_in
from payments.auth.guessing import limit_logins
from payments.auth.models import User
from payments.kit.blueprints import Blueprint
from payments.kit.http import enveloped
from payments.users import reset, verification
from payments.workspaces import invitations
from payments.workspaces.schemas.errors import documented_errors
from payments.workspaces.schemas.recovery import (
    ForgotPasswordSchema,
    JoinedSchema,
    NothingSchema,
    ResetPasswordSchema,
    TokenSchema,
    VerifiedSchema,
)

blueprint = Blueprint(
    "recovery", __name__, url_prefix="/api/auth", description="Mailed links: addresses, passwords"
)

MailAsked = enveloped("MailAsked", NothingSchema)


@blueprint.post("/verify-email")
@blueprint.doc(security=[])
@documented_errors(blueprint, 400)
@limit_logins
@blueprint.arguments(TokenSchema)
@blueprint.response(200, enveloped("VerifiedEmail", VerifiedSchema))
def verify_email(body: dict[str, Any]) -> dict[str, Any]:
    """Verify an address with the token of the mailed link.

    An account that signed up with the address before and never verified it loses it.
    """
    user = verification.verify_email(body["token"])
    return {"message": "Email address verified successfully", "data": {"user": user}}


@blueprint.post("/resend-verification")
@documented_errors(blueprint, 401)
@signed_in
@blueprint.response(200, MailAsked)
def resend_verification(user: User) -> dict[str, Any]:
    """Send the link that verifies the caller's address again, if it is not verified."""
    verification.resend_verification(user)
    return {"message": "If the address is not verified, a link was sent to it", "data": {}}


@blueprint.post("/forgot-password")
@blueprint.doc(security=[])
@documented_errors(blueprint, 400, 403)
@limit_logins
@blueprint.arguments(ForgotPasswordSchema)
@blueprint.response(200, MailAsked)
def forgot_password(body: dict[str, Any]) -> dict[str, Any]:
    """Send a link to a new password, if the address has an account.

    The answer is the same for every address; 503 `mail_not_configured` where no mail is sent.
    """
    reset.request_reset(body["email"])
    return {"message": "If the address has an account, a link was sent to it", "data": {}}


@blueprint.post("/reset-password")
@blueprint.doc(security=[])
@documented_errors(blueprint, 400)
@limit_logins
@blueprint.arguments(ResetPasswordSchema)
@blueprint.response(200, enveloped("PasswordReset", NothingSchema))
def reset_password(body: dict[str, Any]) -> dict[str, Any]:
    """Set a new password with the token of the mailed link; every session ends."""
    reset.reset_password(body["token"], body["password"], of_projects=False)
    return {"message": "Password reset successfully", "data": {}}


@blueprint.post("/accept-invitation")
@documented_errors(blueprint, 400, 401, 403)
@limit_logins
@signed_in
@blueprint.arguments(TokenSchema)
@blueprint.response(200, enveloped("AcceptedInvitation", JoinedSchema))
def accept_invitation(body: dict[str, Any], user: User) -> dict[str, Any]:
    """Become a member by an invitation for the caller's own verified address.

    Whoever has no account yet signs up with `invitationToken` instead.
    """
    seat = invitations.accept_invitation(user, body["token"])
    return {"message": "Invitation accepted successfully", "data": seat}
