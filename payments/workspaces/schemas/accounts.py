"""Accounts on the wire: signing up, logging in and what comes back."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from payments.auth import passwords
from payments.kit.http import CamelSchema, Moment, Text

_is_email = validate.Email()


class EmailText(Text):
    """An address in lower case; the form is checked before, as lower-casing may change it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(most=254, least=3, metadata={"example": "jane@example.com"}, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        if not text.isascii():
            raise ma.ValidationError("Not a valid email address.")
        return str(_is_email(text)).lower()


class PasswordText(fields.String):
    """A password as it was typed: never trimmed, only bounded and free of half characters."""

    def __init__(self, *, least: int, **kwargs: Any) -> None:
        self.least = least
        told = {"format": "password", "minLength": least, "maxLength": passwords.LONGEST}
        super().__init__(load_only=True, metadata={**told, "example": "a long secret"}, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        password = super()._deserialize(value, attr, data, **kwargs)
        if not self.least <= len(password) <= passwords.LONGEST:
            raise ma.ValidationError(f"Must have {self.least} to {passwords.LONGEST} characters.")
        if any("\ud800" <= c <= "\udfff" for c in password):
            raise ma.ValidationError("Contains characters that are not allowed.")
        return password


class SignupSchema(CamelSchema):
    email = EmailText(required=True)
    password = PasswordText(required=True, least=passwords.SHORTEST)
    name = Text(required=True, least=1, most=100, metadata={"example": "Jane Doe"})


class LoginSchema(CamelSchema):
    """Only presence is checked: whatever else is wrong is a wrong password to the outside."""

    email = Text(required=True, least=1, most=254, metadata={"example": "jane@example.com"})
    password = PasswordText(required=True, least=1)


class RefreshSchema(CamelSchema):
    """The refresh token may come in the body, for clients that keep the header for access."""

    refresh_token = Text(least=1, most=4096)


class UserSchema(CamelSchema):
    id = fields.Integer()
    email = fields.String()
    name = fields.String()


class SessionSchema(CamelSchema):
    """A user and his fresh tokens; `expiresAt` is when the access token ends."""

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
