"""One log line for every event that concerns who may do what: sign-ins, refusals, used keys."""

from __future__ import annotations

import logging
from typing import Any

from flask import g, has_request_context, request

log = logging.getLogger("payments.security")

SUCCEEDED, REFUSED = "succeeded", "refused"


def log_security_event(event: str, outcome: str, **fields: Any) -> None:
    """Write one line that names the event, its outcome and, in a request, the client's address.

    `fields` are ids and short texts (a user's id, the reason of a refusal), never a secret.
    https://owasp.org/www-project-application-security-verification-standard/ (V7.1, V7.2)
    """
    level = logging.INFO if outcome == SUCCEEDED else logging.WARNING
    held = {"event": event, "outcome": outcome, **_describe_client(), **fields}
    log.log(level, "%s %s", event, outcome, extra={"fields": held})
    if outcome == REFUSED and has_request_context():
        g.refusal_is_logged = True


def is_refusal_logged() -> bool:
    """Return whether a refusal was logged in this request already: one line a refusal is enough."""
    return bool(g.get("refusal_is_logged"))


def _describe_client() -> dict[str, Any]:
    return {"client": request.remote_addr} if has_request_context() else {}
