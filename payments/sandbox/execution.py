"""Runs one operation for one request, and works out what a fault makes of its answer."""

from __future__ import annotations

import json
import logging
from typing import Any

from .call import Call
from .errors import ApiError
from .expand import expand
from .faults import Fault
from .generations import shaped
from .idempotency import Answer
from .messages import Json
from .registry import Route
from .resources.browser import shown_to

log = logging.getLogger(__name__)


def execute(route: Route, call: Call, fault: Fault | None) -> Answer:
    """Return the operation's own answer, or the fault's with or without the effect."""
    if fault is None or fault.takes_effect_now:
        status, body = run_operation(route, call)
    if fault is not None and fault.answers_error:
        status, body = fault.status, fault.body()
    return Answer(status, dump(body), call.request_id or "")


def run_operation(route: Route, call: Call) -> tuple[int, Any]:
    """Run the operation; what a refusal has already done stays only if the refusal says so."""
    with call.store.step() as take_back:
        try:
            answer = shaped(call, route.handler(call), call.api_version)
            return 200, expand(call, answer, call.params.get("expand", []))
        except ApiError as refusal:
            if not refusal.keeps_effects:
                take_back()
            return refusal.status, {"error": _visible(call, refusal.error)}
        except Exception:
            log.exception("the sandbox failed on %s", call.url_path)
            take_back()
            return 500, Fault("status").body()


def dump(body: Any) -> bytes:
    return json.dumps(body).encode()


def _visible(call: Call, error: Json) -> Json:
    """An intent inside an error shows a browser no more than the intent itself would."""
    shown = dict(error)
    for kind in ("payment_intent", "setup_intent"):
        if kind in shown:
            shown[kind] = shown_to(call, shown[kind])
    return shown
