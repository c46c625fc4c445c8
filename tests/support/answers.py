"""What every error answer must bear, checked for each one that any test gets.

Tests compare bodies as the contracts have them. The request's id is different each time, so it is
compared with the header here, and left out of `json`; `get_json()` has it.
"""

from __future__ import annotations

from typing import Any

from flask import Flask, Response
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from payments.kit.request_ids import HEADER, is_request_id

# A kept answer is given again as it was, with the id of the request that did the work.
_REPLAYED = "Idempotent-Replayed"
_NAMES = {"detail": "request_id", "code": "requestId"}


def check_error_body(status: int, headers: Any, body: Any) -> Any:
    """Return the body without the request's id; AssertionError for an error that has none."""
    if status < 400 or not isinstance(body, dict):
        return body
    name = next((name for key, name in _NAMES.items() if key in body), None)
    if name is None:  # readiness says 503 in words of its own
        return body
    held = dict(body)
    found = held.pop(name)
    assert is_request_id(found)
    assert _REPLAYED in headers or found == headers[HEADER]
    return held


class CheckedAnswer(TestResponse, Response):
    """An answer of the test client."""

    @property
    def json(self) -> Any:
        assert is_request_id(self.headers.get(HEADER))
        return check_error_body(self.status_code, self.headers, self.get_json())


class CheckedClient(FlaskClient):
    """Flask's test client, whose answers are checked."""

    def __init__(self, app: Flask, _wrapper: Any = None, **options: Any) -> None:
        super().__init__(app, CheckedAnswer, **options)


def check_every_answer() -> None:
    """Let the clients of all apps of this process be checked ones."""
    Flask.test_client_class = CheckedClient
