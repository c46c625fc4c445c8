"""Members on the wire."""

from __future__ import annotations

from marshmallow import fields, validate

from payments.auth.fields import EmailText
from payments.kit.http import CamelSchema, Moment
from payments.workspaces.models.workspaces import MEMBER, ROLES

_is_role = validate.OneOf(ROLES)
_ROLE = {"example": MEMBER}


class AddMemberSchema(CamelSchema):
    email = EmailText(required=True)
    role = fields.String(load_default=MEMBER, validate=_is_role, metadata=_ROLE)


class ChangeRoleSchema(CamelSchema):
    role = fields.String(required=True, validate=_is_role, metadata=_ROLE)


class MemberSchema(CamelSchema):
    user_id = fields.Integer()
    email = fields.String(attribute="user.email")
    name = fields.String(attribute="user.name")
    role = fields.String()
    joined_at = Moment()


class RemovedSchema(CamelSchema):
    user_id = fields.Integer()
    removed = fields.Boolean()
