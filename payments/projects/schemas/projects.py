"""Projects, their API keys and their end users on the wire."""

from __future__ import annotations

import re
from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from payments.kit.http import Moment, Text
from payments.projects.schemas.accounts import AccountSchema
from payments.projects.schemas.base import PageQuery, Shape, paged
from payments.projects.urls import find_origin

MOST_ORIGINS = 50
_BARE = re.compile(r"[A-Za-z]+://[^/?#]+/?")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


class OriginText(Text):
    """An http(s) origin such as https://shop.example: no path, no user info; kept in one form."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(most=255, least=8, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = str(super()._deserialize(value, attr, data, **kwargs))
        origin = find_origin(text)
        if origin is None or not _BARE.fullmatch(text):
            raise ma.ValidationError("Must be an http or https origin without a path.")
        return _without_default_port(origin)


def _without_default_port(origin: str) -> str:
    return origin.removesuffix(_DEFAULT_PORTS[origin.partition(":")[0]])


def _origins(**kwargs: Any) -> fields.List[str]:
    return fields.List(OriginText(), validate=validate.Length(max=MOST_ORIGINS), **kwargs)


class NewProjectSchema(Shape):
    name = Text(required=True, least=1, most=255)
    description = Text(most=1000, allow_none=True, load_default=None)
    allowed_origins = _origins(load_default=list)


class ProjectChangeSchema(Shape):
    """What is left out stays as it is; a description of null is taken away."""

    name = Text(least=1, most=255)
    description = Text(most=1000, allow_none=True)
    allowed_origins = _origins()


class ProjectIdSchema(Shape):
    id = fields.String(required=True, metadata={"format": "uuid"})


class ProjectSchema(ProjectIdSchema):
    name = fields.String(required=True)
    description = fields.String(required=True, allow_none=True)
    is_active = fields.Boolean(required=True)
    allowed_origins = fields.List(fields.String(), required=True)
    created_at = Moment(required=True)
    updated_at = Moment(required=True, allow_none=True)


class NewKeySchema(Shape):
    name = Text(most=255, allow_none=True, load_default=None)


class KeySchema(Shape):
    id = fields.String(required=True, metadata={"format": "uuid"})
    name = fields.String(required=True, allow_none=True)
    key_prefix = fields.String(required=True)
    is_active = fields.Boolean(required=True)
    created_at = Moment(required=True)


class ShownKeySchema(KeySchema):
    """A key just made: `key` is never shown again, not even to a repeated request (null)."""

    key = fields.String(required=True, allow_none=True)


class ListedKeySchema(KeySchema):
    last_used_at = Moment(required=True, allow_none=True)


class UsersQuery(PageQuery):
    search = Text(most=254, allow_none=True, load_default=None)
    is_active = fields.Boolean(load_default=None)


UsersPage = paged("ProjectUsersPage", "users", AccountSchema)
