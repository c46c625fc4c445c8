"""Replay the answer of a POST that came before with the same Idempotency-Key."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from flask import Response, current_app, g, make_response, request
from werkzeug.exceptions import HTTPException

from payments.auth.models import User
from payments.extensions import sealer
from payments.idempotency import store
from payments.idempotency.models import IdempotentRequest
from payments.kit.crypto import digest
from payments.kit.errors import AppError, BadInput

View = TypeVar("View", bound=Callable[..., Any])

HEADER = "Idempotency-Key"
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_KEPT_HEADERS = ("Location", "Retry-After", "Preference-Applied", "Cache-Control")


class InvalidKey(BadInput):
    code = "invalid_idempotency_key"
    sentence = "Idempotency-Key must have 1 to 255 printable ASCII characters"


def idempotent(view: View) -> View:
    """Let a POST with an Idempotency-Key take effect once; its answer is replayed for 24 hours.

    The view must be given its caller as `access` or `user` by a guard above. The same key with
    another body or path is 409, as is a key whose first request still runs. Answers of 5xx are
    not kept: trying again with the same key is right then.
    """

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        key = request.headers.get(HEADER)
        if key is None:
            return view(*args, **kwargs)
        if not _KEY.fullmatch(key):
            raise InvalidKey
        return _once(_user(kwargs), key, lambda: view(*args, **kwargs))

    return cast(View, guarded)


def request_key() -> str | None:
    """Name this request for the row it makes, so that a repetition after a crash finds the row."""
    row_id = g.get("idempotent_request_id")
    return None if row_id is None else f"request-{row_id}"


def _user(kwargs: dict[str, Any]) -> User:
    user: User = kwargs["user"] if "user" in kwargs else kwargs["access"].user
    return user


def _once(user: User, key: str, run: Callable[[], Any]) -> Response:
    held = store.claim(user.id, key, _fingerprint())
    if held.status is not None:
        return _replayed(held)
    row_id = g.idempotent_request_id = held.id
    try:
        answer = _answered(run)
    except BaseException:
        store.release(row_id)
        raise
    _keep(row_id, answer)
    return answer


def _fingerprint() -> str:
    body = digest(request.get_data(cache=True))
    return digest(f"{request.method} {request.full_path} {body}")


def _answered(run: Callable[[], Any]) -> Response:
    try:
        return make_response(run())
    except (AppError, HTTPException) as error:
        return make_response(current_app.handle_user_exception(error))


def _keep(row_id: int, answer: Response) -> None:
    if answer.status_code >= 500 or answer.status_code in {409, 429}:
        store.release(row_id)
        return
    headers = {name: answer.headers[name] for name in _KEPT_HEADERS if name in answer.headers}
    body = sealer().seal(answer.get_data(as_text=True), place=_place(row_id))
    store.keep(row_id, answer.status_code, body, headers)


def _replayed(held: IdempotentRequest) -> Response:
    body = sealer().open(held.answer or "", place=_place(held.id))
    answer = Response(body, status=held.status, content_type="application/json")
    answer.headers.update(held.headers)
    answer.headers["Idempotent-Replayed"] = "true"
    return answer


def _place(row_id: int) -> str:
    return f"idempotent_requests.answer.{row_id}"
