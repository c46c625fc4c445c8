"""Workspaces on the wire."""

from __future__ import annotations

import re
from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from payments.kit.countries import ALPHA_2
from payments.kit.http import CamelSchema, Moment, Text
from payments.workspaces.directory import ADDRESS_FIELDS
from payments.workspaces.models import Workspace
from payments.workspaces.schemas.plans import PlanSchema

# What the documentation fills in: a body that works as it stands.
_NAME = {"example": "John's Workspace"}
_DESCRIPTION = {"example": "Where we build things"}
_IMAGE = {"example": "https://img.example.com/logo.png"}

_is_web_address = validate.URL(schemes={"http", "https"})

# No user information before the host, and nothing that would end an attribute of a page.
_PICTURE = re.compile(r"(?i)https?://[^\s/?#@\"'<>\\^`{|}]+([/?#][^\s\"<>\\^`{|}]*)?")


class CountryText(Text):
    """A two-letter code of ISO 3166-1, in capitals."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(most=2, metadata={"example": "US"}, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        code = super()._deserialize(value, attr, data, **kwargs)
        if code is not None and code.upper() not in ALPHA_2:
            raise ma.ValidationError("Not a country code of ISO 3166-1.")
        return code and code.upper()


class AddressSchema(CamelSchema):
    """A billing address; on the way in, only the fields that are named change."""

    line1 = Text(most=200, allow_none=True, metadata={"example": "1 Main Street"})
    line2 = Text(most=200, allow_none=True, metadata={"example": "Floor 2"})
    city = Text(most=100, allow_none=True, metadata={"example": "Springfield"})
    state = Text(most=100, allow_none=True, metadata={"example": "IL"})
    postal_code = Text(most=20, allow_none=True, metadata={"example": "62701"})
    country = CountryText(allow_none=True)


class ImageAddress(Text):
    """The http(s) address of a picture: nothing that a browser would run."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        if text is not None and not _PICTURE.fullmatch(text):
            raise ma.ValidationError("Not a valid http(s) address.")
        return text and _is_web_address(text)


class CreateWorkspaceSchema(CamelSchema):
    name = Text(required=True, least=1, most=100, metadata=_NAME)
    description = Text(most=350, allow_none=True, metadata=_DESCRIPTION)


class UpdateWorkspaceSchema(CamelSchema):
    name = Text(least=1, most=100, metadata=_NAME)
    description = Text(most=350, allow_none=True, metadata=_DESCRIPTION)
    profile_image = ImageAddress(most=500, allow_none=True, metadata=_IMAGE)
    billing_address = fields.Nested(AddressSchema, allow_none=True)


class CheckNameSchema(CamelSchema):
    name = Text(required=True, least=1, most=100, metadata=_NAME)


class NameCheckSchema(CamelSchema):
    name = fields.String()
    slug = fields.String()
    available = fields.Boolean()


class WorkspaceSchema(CamelSchema):
    """A workspace as everybody in it sees it."""

    id = fields.Integer()
    name = fields.String()
    slug = fields.String()
    description = fields.String()
    profile_image = fields.String(allow_none=True)
    plan_id = fields.Integer()
    is_active = fields.Boolean()
    billing_address = fields.Nested(AddressSchema, allow_none=True)
    created_at = Moment()
    updated_at = Moment()

    def get_attribute(self, obj: Any, attr: str, default: Any) -> Any:
        if attr == "billing_address":
            return _address_of(obj)
        return super().get_attribute(obj, attr, default)


class OwnWorkspaceSchema(WorkspaceSchema):
    """A workspace as one member sees it: dumped from his membership."""

    user_role = fields.String(attribute="role")
    joined_at = Moment()

    def get_attribute(self, obj: Any, attr: str, default: Any) -> Any:
        if attr in {"role", "joined_at"}:
            return getattr(obj, attr)
        return super().get_attribute(obj.workspace, attr, default)


class WorkspaceWithPlanSchema(OwnWorkspaceSchema):
    """The same with the plan that it is on."""

    plan = fields.Nested(PlanSchema)


def _address_of(workspace: Workspace) -> dict[str, str | None] | None:
    address = {field: getattr(workspace, f"billing_{field}") for field in ADDRESS_FIELDS}
    return address if any(address.values()) else None
