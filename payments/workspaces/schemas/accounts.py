"""Accounts on the wire: signing up, logging in and what comes back."""

from __future__ import annotations

from marshmallow import fields

from payments.auth import passwords
from payments.auth.fields import EmailText, PasswordText
from payments.kit.http import CamelSchema, Moment, Text


class SignupSchema(CamelSchema):
    email = EmailText(required=True)
    password = PasswordText(required=True, least=passwords.SHORTEST)
    name = Text(required=True, least=1, most=100)


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


class SessionSchema(CamelSchema):
    """A user and their fresh tokens; `expiresAt` is when the access token ends."""

    user = fields.Nested(UserSchema)
    token = fields.String(attribute="tokens.access")
    refresh_token = fields.String(attribute="tokens.refresh")
    expires_at = Moment(attribute="tokens.expires_at")


class FirstWorkspaceSchema(CamelSchema):
    id = fields.Integer()
    name = fields.String()
    slug = fields.String()


class SignedUpSchema(SessionSchema):
    """What signing up returns: it also makes the user's first workspace."""

    workspace = fields.Nested(FirstWorkspaceSchema)
