"""Links of mails and second factors on the wire."""

from __future__ import annotations

from marshmallow import fields

from payments.auth import passwords
from payments.auth.fields import EmailText, PasswordText
from payments.kit.http import CamelSchema, Text
from payments.users.links import LONGEST
from payments.workspaces.schemas.accounts import FirstWorkspaceSchema, UserSchema


class TokenSchema(CamelSchema):
    """The token of a mailed link."""

    token = Text(required=True, least=1, most=LONGEST)


class ForgotPasswordSchema(CamelSchema):
    email = EmailText(required=True)


class ResetPasswordSchema(TokenSchema):
    password = PasswordText(required=True, least=passwords.SHORTEST)


class NothingSchema(CamelSchema):
    """No data: the message says it all."""


class VerifiedSchema(CamelSchema):
    user = fields.Nested(UserSchema)


class JoinedSchema(CamelSchema):
    """The membership that an invitation became."""

    workspace = fields.Nested(FirstWorkspaceSchema)
    role = fields.String()


class CodeSchema(CamelSchema):
    """A code of the authenticator, or a recovery code."""

    code = Text(required=True, least=6, most=32)


class DisableSchema(CodeSchema):
    password = PasswordText(required=True, least=1)


class ChallengeAnswerSchema(CodeSchema):
    challenge_token = Text(required=True, least=1, most=LONGEST)


class TotpSetupSchema(CamelSchema):
    """Shown once: the secret, and the same as the address behind a QR code."""

    secret = fields.String()
    otpauth_uri = fields.String(attribute="uri")


class RecoveryCodesSchema(CamelSchema):
    """Shown once: each is good for one log-in without the authenticator."""

    recovery_codes = fields.List(fields.String())
