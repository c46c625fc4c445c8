"""`/healthz` and `/readyz`: for whatever restarts processes and sends them traffic."""

from __future__ import annotations

from flask import Response, jsonify

from payments.pages import readiness


def healthz() -> Response:
    """Answer as long as the process does: a restart would not help anything else."""
    return _uncached({"status": "ok"})


def readyz() -> Response:
    """Answer 200 when every part works, else 503; each part's state is in the body."""
    parts = readiness.parts()
    ready = all(state == readiness.OK for state in parts.values())
    answer = _uncached({"status": "ready" if ready else "not ready", "parts": parts})
    answer.status_code = 200 if ready else 503
    return answer


def _uncached(body: dict[str, object]) -> Response:
    answer = jsonify(body)
    answer.headers["Cache-Control"] = "no-store"
    return answer
