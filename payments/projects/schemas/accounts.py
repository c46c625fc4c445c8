"""Accounts on the wire: registering, logging in, fresh tokens, and who the caller is."""

from __future__ import annotations

from typing import Any

from marshmallow import fields

from payments.auth import passwords
from payments.auth.fields import EmailText, PasswordText
from payments.kit.http import Moment, Text
from payments.projects.schemas.base import Shape
from payments.users.links import LONGEST


def role_of(user: Any) -> str:
    """Name the user's role as this room does."""
    return "platform_operator" if user.is_admin else str(user.kind)


class RegisterSchema(Shape):
    email = EmailText(required=True)
    password = PasswordText(required=True, least=passwords.SHORTEST)
    full_name = Text(most=200, allow_none=True, load_default=None)


class CredentialsSchema(Shape):
    """Only presence is checked: whatever else is wrong is a wrong password to the outside."""

    email = Text(required=True, least=1, most=254)
    password = PasswordText(required=True, least=1)


class RefreshTokenSchema(Shape):
    refresh_token = Text(required=True, least=1, most=4096)


class LogoutSchema(Shape):
    """The refresh token may come in the body, for clients whose access token is over."""

    refresh_token = Text(least=1, most=4096)


class PasswordChangeSchema(Shape):
    current_password = PasswordText(required=True, least=1)
    new_password = PasswordText(required=True, least=passwords.SHORTEST)


class TokensSchema(Shape):
    access_token = fields.String(attribute="access", required=True)
    refresh_token = fields.String(attribute="refresh", required=True, allow_none=True)
    token_type = fields.Constant("bearer", required=True)


class TokensOrChallengeSchema(Shape):
    """Tokens; or, for an account with a second factor, a challenge for `/login/verify-2fa`."""

    access_token = fields.String(attribute="access")
    refresh_token = fields.String(attribute="refresh", allow_none=True)
    token_type = fields.Constant("bearer")
    requires_2fa = fields.Boolean()
    challenge_token = fields.String(attribute="token")


class ChallengeCodeSchema(Shape):
    challenge_token = Text(required=True, least=1, most=LONGEST)
    code = Text(required=True, least=6, most=32)


class LinkTokenSchema(Shape):
    """The token of a mailed link."""

    token = Text(required=True, least=1, most=LONGEST)


class ResetRequestSchema(Shape):
    email = EmailText(required=True)


class NewPasswordSchema(LinkTokenSchema):
    password = PasswordText(required=True, least=passwords.SHORTEST)


class DoneSchema(Shape):
    """A sentence that says what was done."""

    detail = fields.String(required=True)


class AccountSchema(Shape):
    """A user; `project_id` is an end user's only."""

    id = fields.String(attribute="uuid", required=True)
    email = fields.String(required=True)
    full_name = fields.Function(
        lambda user: user.name or None, metadata={"type": ["string", "null"]}
    )
    role = fields.Function(role_of, metadata={"type": "string"})
    is_active = fields.Boolean(required=True)
    created_at = Moment(required=True)
    project_id = fields.String(allow_none=True)
