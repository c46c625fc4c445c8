"""One log line a request, and the id by which the request is found everywhere else."""

from __future__ import annotations

import logging
from typing import Any

from flask import Flask, Response, g, request, request_started

from payments.extensions import settings
from payments.kit import clock, logs
from payments.kit.request_ids import HEADER, TRACE_HEADER, choose_request_id, read_trace_id
from payments.kit.security_log import REFUSED, is_refusal_logged, log_security_event

log = logging.getLogger(logs.ACCESS)

# Asked every few seconds by whatever watches the service.
_WATCHED = frozenset({"/healthz", "/readyz", "/metrics"})
_REFUSALS = frozenset({401, 403, 429})
_LONGEST_AGENT, _LONGEST_PATH = 200, 500


def register(app: Flask) -> None:
    """Give each request its id before anything else sees it, and log it after everything else."""
    request_started.connect(_begin, app)
    app.after_request(_end)


def get_request_id() -> str:
    """Return the id of the present request."""
    held: str = g.request_id
    return held


def _begin(_app: Flask, **_rest: Any) -> None:
    g.request_id = choose_request_id(request.headers.get(HEADER))
    g.request_began = clock.monotonic()
    logs.bind(request_id=g.request_id)
    trace_id = read_trace_id(request.headers.get(TRACE_HEADER))
    if trace_id is not None:
        logs.bind(trace_id=trace_id)


def _end(answer: Response) -> Response:
    answer.headers[HEADER] = get_request_id()
    status = answer.status_code
    fields = _describe(answer)
    if status in _REFUSALS and not is_refusal_logged():
        log_security_event("request", REFUSED, **fields)
    elif settings().access_log:
        _log_access(fields)
    return answer


def _log_access(fields: dict[str, Any]) -> None:
    is_quiet = request.path in _WATCHED and fields["status"] < 300
    short = "{method} {path} {status} {code} {duration_ms} ms".format(**fields)
    log.log(
        logging.DEBUG if is_quiet else logging.INFO,
        "%s %s %s",
        fields["method"],
        fields["route"],
        fields["status"],
        extra={"fields": fields, "short": short.replace("  ", " ")},
    )


def _describe(answer: Response) -> dict[str, Any]:
    """Return the fields of the line; the query stays out, as it may hold a token.

    `user`, `workspace` and `project` are bound by the guards, as soon as they are known.
    """
    rule = request.url_rule
    return {
        "method": request.method,
        "route": rule.rule if rule else None,
        "path": request.path[:_LONGEST_PATH],
        "status": answer.status_code,
        "code": g.get("error_code", ""),
        "duration_ms": clock.count_ms_since(g.request_began),
        "bytes": answer.content_length,
        "client": request.remote_addr,
        "agent": (request.user_agent.string or "")[:_LONGEST_AGENT],
    }
