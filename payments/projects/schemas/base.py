"""What every shape of this dialect shares: tolerant of unknown keys, pages, documented errors."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any, TypeVar, cast

import marshmallow as ma
from flask_smorest import Blueprint
from marshmallow import fields, validate

from payments.kit.blueprints import DetailSchema

View = TypeVar("View", bound=Callable[..., Any])

PAGE_SIZE, LARGEST_PAGE_SIZE = 50, 100

# Every view is rate limited and closed in maintenance; most have a UUID in the path or a query.
ALWAYS = (422, 429, 503)

_MEANINGS = {
    400: "The request cannot be done as it stands",
    401: "Missing or invalid token",
    403: "The caller may not do this",
    404: "Not found",
    409: "Conflicts with the present state",
    413: "The body is too large",
    429: "Too many requests; `Retry-After` says when to come back",
    502: "Stripe could not be reached, or refused the project's credentials",
    503: "Closed for maintenance; `Retry-After` says when to come back",
}


class Shape(ma.Schema):
    """A schema in snake_case; keys that it does not know are ignored."""

    class Meta:
        unknown = ma.EXCLUDE


class FaultSchema(Shape):
    loc = fields.List(fields.Raw(), required=True)
    msg = fields.String(required=True)
    type = fields.String(required=True)


class FaultsSchema(Shape):
    """Bad input: one entry a fault, with the place where it is."""

    detail = fields.List(fields.Nested(FaultSchema), required=True)
    request_id = fields.String(required=True)


class PageQuery(Shape):
    """Which page of a list; out of range is 422."""

    page = fields.Integer(load_default=1, validate=validate.Range(min=1))
    page_size = fields.Integer(
        load_default=PAGE_SIZE, validate=validate.Range(min=1, max=LARGEST_PAGE_SIZE)
    )


def paged(name: str, items: str, item: type[ma.Schema]) -> type[ma.Schema]:
    """Make the schema of a page: `{<items>, total, page, page_size}`."""
    return Shape.from_dict(
        {
            items: fields.List(fields.Nested(item), required=True),
            "total": fields.Integer(required=True),
            "page": fields.Integer(required=True),
            "page_size": fields.Integer(required=True),
        },
        name=name,
    )


def documented_errors(blueprint: Blueprint, *statuses: int) -> Callable[[View], View]:
    """Document the error statuses of a view; those that every view has come by themselves."""

    def decorate(view: View) -> View:
        return reduce(_with_error(blueprint), sorted({*statuses, *ALWAYS}), view)

    return decorate


def _with_error(blueprint: Blueprint) -> Callable[[View, int], View]:
    def add(view: View, status: int) -> View:
        schema, meaning = (
            (FaultsSchema, "The input does not fit")
            if status == 422
            else (DetailSchema, _MEANINGS[status])
        )
        document = blueprint.alt_response(status, schema=schema, description=meaning)
        return cast(View, document(view))

    return add
