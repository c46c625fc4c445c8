"""Invitations on the wire."""

from __future__ import annotations

from marshmallow import fields

from payments.kit.http import CamelSchema, Moment


class InvitationSchema(CamelSchema):
    id = fields.Integer()
    email = fields.String()
    role = fields.String()
    created_at = Moment()
    expires_at = Moment()


class RevokedSchema(CamelSchema):
    id = fields.Integer()
    revoked = fields.Boolean()
