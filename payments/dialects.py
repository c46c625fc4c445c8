"""The two ways in which errors are written out, and the rule which one a path speaks."""

from __future__ import annotations

import logging
from typing import Any

from flask import Flask, Response, g, jsonify, request
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from payments.auth.errors import TooManyAttempts, WeakPassword
from payments.extensions import limiter
from payments.gateway.errors import BadCredentials, GatewayError
from payments.kit import clock
from payments.kit.database_errors import is_database_unavailable
from payments.kit.db import db
from payments.kit.errors import AppError, BadInput, DatabaseUnavailable
from payments.kit.http import camel
from payments.projects.errors import StripeRefusedKey, StripeUnreachable
from payments.request_log import get_request_id
from payments.workspaces.errors import PaymentError, StripeNotConfigured

log = logging.getLogger(__name__)

PROJECTS = "/api/v1/"
# After a database that did not answer: longer than most locks are held.
DATABASE_RETRY_SECONDS = "5"

_PLACES = {"json": "body", "querystring": "query"}

_CODES = {
    400: "invalid_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media_type",
    429: "rate_limited",
    503: "maintenance",
}


def register(app: Flask) -> None:
    """Let every error of the app leave as JSON in the dialect of its path."""
    app.register_error_handler(AppError, _on_app_error)
    app.register_error_handler(WeakPassword, _on_weak_password)
    app.register_error_handler(GatewayError, _on_gateway_error)
    app.register_error_handler(SQLAlchemyError, _on_database_error)
    app.register_error_handler(HTTPException, _on_http_error)
    app.register_error_handler(Exception, _on_bug)


def _on_app_error(error: AppError) -> Response:
    if error.status == 500:  # a closed door (503) is no fault
        log.error("%s: %s", error.error_code, error.message)
    if error.status == 429 and request.path.startswith(PROJECTS):
        return _too_often(error.headers)
    return _written(error.status, error.message, error.error_code, error.details, error.headers)


def _on_weak_password(error: WeakPassword) -> Response:
    if request.path.startswith(PROJECTS):
        return _on_invalid_fields({"json": {error.field: [error.message]}})
    return _on_app_error(invalid_fields({"json": {camel(error.field): [error.message]}}))


def _on_gateway_error(error: GatewayError) -> Response:
    """Answer for Stripe: what it said stays in the log, as it may speak of our account."""
    log.error("Stripe: %s %s: %s", type(error).__name__, error.code, error.message)
    bad_key = isinstance(error, BadCredentials)
    if request.path.startswith(PROJECTS):
        return _on_app_error(StripeRefusedKey() if bad_key else StripeUnreachable())
    return _on_app_error(StripeNotConfigured() if bad_key else PaymentError())


def _on_database_error(error: SQLAlchemyError) -> Response:
    if not is_database_unavailable(error):
        return _on_bug(error)
    db.session.rollback()
    log.error("the database does not answer", exc_info=error)
    return _on_app_error(DatabaseUnavailable(headers={"Retry-After": DATABASE_RETRY_SECONDS}))


def _on_http_error(error: HTTPException) -> Response:
    status = error.code or 500
    messages = getattr(error, "data", {}).get("messages")
    if messages and request.path.startswith(PROJECTS):
        return _on_invalid_fields(messages)
    if messages:
        bad = invalid_fields(messages)
        return _written(400, bad.message, bad.error_code, bad.details, {})
    headers = dict(error.get_headers()) if error.response is None else dict(error.response.headers)
    kept = {
        k: v
        for k, v in headers.items()
        if k.lower() in {"retry-after", "allow", "www-authenticate"}
    }
    if status == 429:
        return _on_app_error(TooManyAttempts(_seconds_to_wait()))
    text = str(error.description or error.name).strip()
    return _written(status, text, _CODES.get(status, "http_error"), None, kept)


def _too_often(headers: dict[str, str]) -> Response:
    seconds = int(headers["Retry-After"])
    sentence = f"Rate limit exceeded. Try again in {seconds} seconds."
    g.error_code = _CODES[429]
    return _answer(429, {"detail": sentence, "retry_after": seconds}, headers)


def _on_invalid_fields(messages: dict[str, Any]) -> Response:
    """Answer 422 with one entry a fault: where it is, what it is, and its kind."""
    found = [
        fault
        for place, fields in messages.items()
        for fault in _faults([_PLACES.get(place, place)], fields)
    ]
    g.error_code = "invalid_input"
    return _answer(422, {"detail": found}, {})


def _faults(where: list[str | int], problem: Any) -> list[dict[str, Any]]:
    if isinstance(problem, dict):
        pairs = [
            (where if key == "_schema" else [*where, key], inner) for key, inner in problem.items()
        ]
        return [fault for place, inner in pairs for fault in _faults(place, inner)]
    texts = problem if isinstance(problem, list) else [problem]
    return [{"loc": where, "msg": str(text), "type": _kind(str(text))} for text in texts]


def _kind(text: str) -> str:
    return "missing" if text.startswith("Missing data") else "value_error"


def _seconds_to_wait() -> int:
    limit = limiter.current_limit
    return max(limit.reset_at - clock.timestamp(), 1) if limit else 1


def _on_bug(error: Exception) -> Response:
    db.session.rollback()
    log.error("unhandled error", exc_info=error)
    return _written(500, AppError.sentence, AppError.code, None, {})


def invalid_fields(messages: dict[str, Any]) -> BadInput:
    """Turn marshmallow's messages into one sentence about the first field, with all in details."""
    fields = messages.get("json", messages.get("query", messages))
    if not isinstance(fields, dict) or not fields:
        return BadInput("The request body must be a JSON object", code="invalid_json")
    flat = {name: _first(problem) for name, problem in fields.items()}
    name, problem = next(iter(flat.items()))
    if name == "_schema":
        return BadInput("The request body must be a JSON object", code="invalid_json")
    missing = problem.startswith("Missing data")
    sentence = f"{name} is required" if missing else f"{name}: {problem}"
    return BadInput(
        sentence, code="missing_field" if missing else "invalid_field", details={"fields": flat}
    )


def _first(problem: Any) -> str:
    while isinstance(problem, (dict, list)):
        problem = next(iter(problem.values() if isinstance(problem, dict) else problem), "")
    return str(problem)


def _written(
    status: int, message: str, code: str, details: dict[str, Any] | None, headers: dict[str, str]
) -> Response:
    g.error_code = code
    if request.path.startswith(PROJECTS):
        body: dict[str, Any] = {"detail": message}
    else:
        body = {"message": message, "error": message, "code": code}
        if details:
            body["details"] = details
    return _answer(status, body, headers)


def _answer(status: int, body: dict[str, Any], headers: dict[str, str]) -> Response:
    """Return the answer, with the request's id under the name that the dialect has for it."""
    name = "request_id" if request.path.startswith(PROJECTS) else "requestId"
    answer = jsonify({**body, name: get_request_id()})
    answer.status_code = status
    answer.headers.update(headers)
    return answer
