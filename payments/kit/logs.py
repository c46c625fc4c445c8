"""One JSON object a log line, with every secret blotted out before it is written."""

from __future__ import annotations

import json
import logging
import re
import sys
from contextvars import ContextVar
from typing import Any

from payments.kit import clock

_bound: ContextVar[dict[str, Any] | None] = ContextVar("bound", default=None)

# Stripe's secret, restricted and webhook keys, client secrets, tokens, our own API keys,
# and passwords inside connection addresses. Publishable keys are public and may stay.
_SECRETS = re.compile(
    r"((?:sk|rk)_(?:test|live)_|whsec_|\bak_|\bop_)[A-Za-z0-9_\-]{4,}"
    r"|((?:seti|pi|src|cs)_[A-Za-z0-9_]+_secret_)[A-Za-z0-9]+"
    r"|(eyJ)[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]*"
    r"|((?:redis|rediss|postgres|postgresql|postgresql\+psycopg)://[^:@/\s]*:)[^\s\"]+(?=@)"
    r"|((?i:bearer|basic)\s+)[A-Za-z0-9+/=_.\-]{8,}"
)
_CARD = re.compile(r"\b\d(?:[ -]?\d){12,18}\b")


def redact(text: str) -> str:
    """Blot out keys, tokens, client secrets and card numbers in a text."""
    text = _SECRETS.sub(lambda m: next(g for g in m.groups() if g is not None) + "***", text)
    return _CARD.sub("[card]", text)


def bind(**values: Any) -> None:
    """Add fields to every following line of this request or task."""
    _bound.set({**(_bound.get() or {}), **values})


def unbind() -> None:
    """Forget the fields of the request or task that just ended."""
    _bound.set(None)


class JsonFormatter(logging.Formatter):
    """Writes a record as one redacted JSON line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": clock.iso_millis(clock.now()),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **(_bound.get() or {}),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps({name: _clean(value) for name, value in line.items()}, ensure_ascii=False)


def _clean(value: Any) -> Any:
    """Redact before the JSON is written: afterwards a number would become a bare word in it."""
    if value is None or isinstance(value, bool):
        return value
    held = isinstance(value, dict | list | tuple)
    text = json.dumps(value, default=str, ensure_ascii=False) if held else str(value)
    clean = redact(text)
    return value if clean == text and isinstance(value, int | float) else clean


def configure(level: str) -> None:
    """Send every logger of the process through the redacting formatter."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
