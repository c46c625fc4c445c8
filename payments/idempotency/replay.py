"""Replay the answer of a POST that came before with the same Idempotency-Key."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import re
from collections.abc import Callable
from functools import wraps
from operator import attrgetter
from typing import Any, TypeVar, cast

from flask import Response, current_app, g, make_response, request
from werkzeug.exceptions import HTTPException

from payments.extensions import sealer, settings
from payments.idempotency import store
from payments.idempotency.store import Claim
from payments.kit.blueprints import with_headers
from payments.kit.crypto import digest
from payments.kit.errors import AppError, BadInput

log = logging.getLogger(__name__)

View = TypeVar("View", bound=Callable[..., Any])

HEADER = "Idempotency-Key"
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_HIDDEN = "payments_hidden_in_replay"
_KEPT_HEADERS = ("Location", "Retry-After", "Preference-Applied", "Cache-Control")

# Whose key it is, by what the guard above gave the view.
_CALLERS = {
    "user": attrgetter("id"),
    "access": attrgetter("user.id"),
    "seat": attrgetter("user.id"),
    "project": attrgetter("owner_id"),
    "place": attrgetter("owner_id"),
}
_DOCUMENTED = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": (
        "Lets the request take effect once: for 24 hours its answer is given again. The same key "
        "with another request, or while the first still runs, is 409."
    ),
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}


class InvalidKey(BadInput):
    code = "invalid_idempotency_key"
    sentence = "Idempotency-Key must have 1 to 255 printable ASCII characters"


def idempotent(view: View) -> View:
    """Let a POST with an Idempotency-Key take effect once; its answer is replayed for 24 hours.

    The view must be given its caller by a guard above, under one of the names of `_CALLERS`; a
    caller without an account (the operator) has no keys. The same key with another body or path
    is 409, as is a key whose first request still runs. Answers of 5xx are not kept: trying again
    with the same key is right then.
    """

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        key = request.headers.get(HEADER)
        if key is None:
            return view(*args, **kwargs)
        if not _KEY.fullmatch(key):
            raise InvalidKey
        caller = _caller_id(kwargs)
        if caller is None:
            return view(*args, **kwargs)
        hidden: tuple[str, ...] = getattr(view, _HIDDEN, ())
        return _once(caller, _of_server(kwargs, key), lambda: view(*args, **kwargs), hidden)

    return cast(View, with_headers(_DOCUMENTED)(guarded))


def hide_in_replay(*fields: str) -> Callable[[View], View]:
    """Let `idempotent` store a JSON object without these fields: they are null in a replay.

    For what is shown once, such as a key; it goes right below `idempotent`. Client secrets of
    Stripe's and addresses of its pages are no such fields: whoever has lost the answer goes on
    with them, and they are of no use once they were used or have lapsed.
    """

    def mark(view: View) -> View:
        setattr(view, _HIDDEN, fields)
        return view

    return mark


def request_key() -> str | None:
    """Return the name of this request, the same at every repetition; None without a key.

    It is random, kept with the key for 24 hours, and goes into the row that the request makes and
    into the keys of its calls to Stripe: so a repetition after a crash makes nothing twice.
    """
    found: str | None = g.get("idempotent_request")
    return found


def _caller_id(kwargs: dict[str, Any]) -> int | None:
    name = next(name for name in _CALLERS if name in kwargs)
    found: int | None = _CALLERS[name](kwargs[name])
    return found


def _of_server(kwargs: dict[str, Any], key: str) -> str:
    """Keep the keys of a project's server apart from its developer's and from other projects'."""
    if "place" not in kwargs:
        return key
    return digest(f"server of {kwargs['place'].project_id}: {key}")


def _once(caller: int, key: str, run: Callable[[], Any], hidden: tuple[str, ...] = ()) -> Response:
    held = store.claim(caller, key, *map(_fingerprint, settings().secret_keys))
    if held.status is not None:
        return _replayed(held)
    g.idempotent_request = held.request
    try:
        answer = _answered(run)
    except BaseException:
        store.release(held)
        raise
    _keep(held, answer, hidden)
    return answer


def _fingerprint(secret: str) -> str:
    """Tell requests apart; keyed, as a body may hold a password that could be guessed."""
    body = digest(request.get_data(cache=True))
    told = f"{request.method} {request.full_path} {body}"
    return hmac.new(secret.encode(), told.encode(), hashlib.sha256).hexdigest()


def _answered(run: Callable[[], Any]) -> Response:
    try:
        return make_response(run())
    except (AppError, HTTPException) as error:
        return make_response(current_app.handle_user_exception(error))


def _keep(held: Claim, answer: Response, hidden: tuple[str, ...]) -> None:
    if answer.status_code >= 500 or answer.status_code in {409, 429}:
        store.release(held)
        return
    headers = {name: answer.headers[name] for name in _KEPT_HEADERS if name in answer.headers}
    body = sealer().seal(_hide(answer.get_data(as_text=True), hidden), place=held.place)
    if not store.keep(held, answer.status_code, body, headers):
        log.warning("request %s ended after another had its key: its answer is not kept", held.id)


def _hide(body: str, hidden: tuple[str, ...]) -> str:
    if not hidden:
        return body
    return json.dumps({**json.loads(body), **dict.fromkeys(hidden)})


def _replayed(held: Claim) -> Response:
    body = sealer().open(held.answer or "", place=held.place, former_place=held.former_place)
    answer = Response(body, status=held.status, content_type="application/json")
    answer.headers.update(held.headers)
    answer.headers["Idempotent-Replayed"] = "true"
    return answer
