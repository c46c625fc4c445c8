"""A short way to document which errors a view gives."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any, TypeVar, cast

from flask_smorest import Blueprint

from payments.kit.blueprints import ErrorSchema

View = TypeVar("View", bound=Callable[..., Any])

# Every view is rate limited and closed in maintenance.
ALWAYS = (429, 503)

_MEANINGS = {
    400: "Missing or invalid input",
    401: "Missing or invalid token",
    402: "The card was declined, or its holder must authenticate",
    403: "The caller may not do this",
    404: "Not found",
    409: "Conflicts with the present state",
    413: "The body is too large",
    429: "Too many requests; `Retry-After` says when to come back",
    500: "Stripe or the configuration failed",
    503: "Closed for maintenance; `Retry-After` says when to come back",
}


def documented_errors(blueprint: Blueprint, *statuses: int) -> Callable[[View], View]:
    """Document the error statuses of a view; those that every view has come by themselves."""

    def decorate(view: View) -> View:
        return reduce(_with_error(blueprint), sorted({*statuses, *ALWAYS}), view)

    return decorate


def _with_error(blueprint: Blueprint) -> Callable[[View, int], View]:
    def add(view: View, status: int) -> View:
        document = blueprint.alt_response(status, schema=ErrorSchema, description=_MEANINGS[status])
        return cast(View, document(view))

    return add
