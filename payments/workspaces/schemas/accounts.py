"""Accounts on the wire: signing up, logging in and what comes back."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields

from payments.auth import passwords
from payments.auth.fields import EmailText, PasswordText
from payments.extensions import settings
from payments.kit.http import CamelSchema, Moment, Text
from payments.users.links import LONGEST


class SignupSchema(CamelSchema):
    email = EmailText(required=True)
    password = PasswordText(required=True, least=passwords.SHORTEST)
    name = Text(required=True, least=1, most=100)
    invitation_token = Text(least=1, most=LONGEST)


class LoginSchema(CamelSchema):
    """Only presence is checked: whatever else is wrong is a wrong password to the outside."""

    email = Text(required=True, least=1, most=254)
    password = PasswordText(required=True, least=1)


class RefreshSchema(CamelSchema):
    """The refresh token may come in the body, for clients that keep the header for access."""

    refresh_token = Text(least=1, most=4096)


class ChangePasswordSchema(CamelSchema):
    current_password = PasswordText(required=True, least=1)
    new_password = PasswordText(required=True, least=passwords.SHORTEST)


class LoggedOutSchema(CamelSchema):
    sessions_ended = fields.Integer()


class UserSchema(CamelSchema):
    id = fields.Integer()
    email = fields.String()
    name = fields.String()
    # Only where addresses are verified at all.
    email_verified = fields.Function(
        lambda user: user.is_email_verified if settings().email_verification else ma.missing,
        metadata={"type": "boolean"},
    )


class SessionSchema(CamelSchema):
    """A user and their fresh tokens; `expiresAt` is when the access token ends."""

    user = fields.Nested(UserSchema)
    token = fields.String(attribute="tokens.access")
    refresh_token = fields.String(attribute="tokens.refresh")
    expires_at = Moment(attribute="tokens.expires_at")


class LoginAnswerSchema(SessionSchema):
    """A session, or a challenge for the second factor."""

    requires_2fa = fields.Boolean(data_key="requires2FA")
    challenge_token = fields.String(attribute="challenge.token")

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        if field_name != "requires_2fa":
            super().on_bind_field(field_name, field_obj)


class FirstWorkspaceSchema(CamelSchema):
    id = fields.Integer()
    name = fields.String()
    slug = fields.String()


class SignedUpSchema(SessionSchema):
    """What signing up returns: it also makes the user's first workspace."""

    workspace = fields.Nested(FirstWorkspaceSchema)
