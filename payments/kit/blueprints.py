"""The Api and the blueprint of the camelCase dialect: its errors, and 400 for every bad body."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any, TypeVar

import flask_smorest
import marshmallow as ma
from flask import Request
from marshmallow import fields, missing
from webargs.core import is_json
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import UnsupportedMediaType

from payments.kit.http import CamelSchema
from payments.kit.paths import refuse_malformed

View = TypeVar("View", bound=Callable[..., Any])


class ErrorSchema(CamelSchema):
    """`message` and `error` say the same sentence to people, `code` says it to programs.

    `requestId` is the answer's `X-Request-ID`, by which the request is found in the log.
    """

    message = fields.String(required=True)
    error = fields.String(required=True)
    code = fields.String(required=True)
    details = fields.Dict()
    request_id = fields.String(required=True)


class DetailSchema(ma.Schema):
    """An error of the snake_case dialect: one sentence, and the answer's `X-Request-ID`."""

    detail = fields.String(required=True)
    request_id = fields.String(required=True)


class Api(flask_smorest.Api):
    """Documents our own error body; which errors a view has, the view says itself."""

    ERROR_SCHEMA = ErrorSchema
    DEFAULT_ERROR_RESPONSE_NAME = None


class BodyParser(FlaskParser):
    """Answers 400 also to JSON that Python's own reader trips over, and 415 to other types."""

    DEFAULT_VALIDATION_STATUS = 400

    def load_json(self, req: Request, schema: ma.Schema) -> Any:
        """Return the parsed body; UnsupportedMediaType for one that does not say it is JSON.

        https://www.rfc-editor.org/rfc/rfc9110#section-15.5.16
        """
        if req.content_length and not is_json(req.mimetype):
            raise UnsupportedMediaType("The body must be JSON: Content-Type: application/json")
        return super().load_json(req, schema)

    def _raw_load_json(self, req: Request) -> Any:
        try:
            return super()._raw_load_json(req)
        except json.JSONDecodeError:
            raise
        except (RecursionError, ValueError) as error:
            # Brackets a hundred thousand deep, an integer of ten thousand digits.
            raise json.JSONDecodeError("too deep or too long", "...", 0) from error


class _JsonBlueprint(flask_smorest.Blueprint):
    """Documents 415 of every view that takes a body."""

    ERROR_SCHEMA: type[ma.Schema] = ErrorSchema

    def arguments(self, *args: Any, location: str = "json", **kwargs: Any) -> Any:
        """Return flask-smorest's decorator of a view's query or body."""
        decorate = super().arguments(*args, location=location, **kwargs)
        if location != "json":
            return decorate
        document = self.alt_response(
            415, schema=self.ERROR_SCHEMA, description="The body's type is not JSON"
        )
        return lambda view: document(decorate(view))


class Blueprint(_JsonBlueprint):
    """A flask-smorest blueprint whose bodies go through `BodyParser`."""

    ARGUMENTS_PARSER = BodyParser()


class StrictParser(BodyParser):
    """Answers 422, as the projects dialect does."""

    DEFAULT_VALIDATION_STATUS = 422

    def load_json(self, req: Request, schema: ma.Schema) -> Any:
        found = super().load_json(req, schema)
        if found is missing and getattr(schema, "needs_body", False):
            raise ma.ValidationError("A JSON object is needed.")
        return found


class ProjectsBlueprint(_JsonBlueprint):
    """A blueprint of the snake_case dialect: a body or query that does not fit is 422."""

    ERROR_SCHEMA = DetailSchema

    ARGUMENTS_PARSER = StrictParser()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.url_value_preprocessor(refuse_malformed)


def with_headers(*headers: dict[str, Any]) -> Callable[[View], View]:
    """Document request headers of a view beside its other parameters.

    flask-smorest's own `doc(parameters=...)` would take the place of them all.
    """

    def decorate(view: View) -> View:
        documented: Any = view
        documented._apidoc = deepcopy(getattr(view, "_apidoc", {}))
        documented._apidoc.setdefault("arguments", {}).setdefault("parameters", []).extend(headers)
        return view

    return decorate
