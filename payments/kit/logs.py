"""One JSON object a log line, with every secret blotted out before it is written."""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from payments.kit import clock
from payments.kit.redaction import redact
from payments.kit.traces import describe_error, format_trace, is_quoting

# The requests' own lines: see `payments.request_log`.
ACCESS = "payments.access"
# No field is longer: what is cut is cut before it is redacted.
_MOST = 20_000

_bound: ContextVar[dict[str, Any] | None] = ContextVar("bound", default=None)


def bind(**values: Any) -> None:
    """Add fields to every following line of this request or task."""
    _bound.set({**(_bound.get() or {}), **values})


def unbind() -> None:
    """Forget the fields of the request or task that just ended."""
    _bound.set(None)


def get_bound(*names: str) -> dict[str, Any]:
    """Return those of the named fields that are bound at this moment."""
    held = _bound.get() or {}
    return {name: held[name] for name in names if held.get(name) is not None}


class JsonFormatter(logging.Formatter):
    """Writes a record as one redacted JSON line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": clock.iso_millis(clock.now()),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _read_message(record),
            **(_bound.get() or {}),
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[1]:
            line["trace"] = format_trace(record.exc_info[1])
        return json.dumps({name: _clean(value) for name, value in line.items()}, ensure_ascii=False)


class DevelopmentFormatter(JsonFormatter):
    """Writes a record's `short` text, redacted, for whoever watches a terminal; others as JSON."""

    def format(self, record: logging.LogRecord) -> str:
        short: str | None = getattr(record, "short", None)
        return super().format(record) if short is None else redact(short[:_MOST])


def _read_message(record: logging.LogRecord) -> str:
    """Return the message, in which exceptions of a database tell no value."""
    args = record.args
    if isinstance(args, Mapping):
        if record.exc_info and record.exc_info[1]:
            # Celery's lines about failed tasks hold the exception as a text.
            args = {**args, "exc": describe_error(record.exc_info[1]), "traceback": ""}
        args = {name: _describe(value) for name, value in args.items()}
    elif args:
        args = tuple(_describe(value) for value in args)
    return str(record.msg) % args if args else _describe_message(record)


def _describe_message(record: logging.LogRecord) -> str:
    return str(_describe(record.msg))


def _describe(value: Any) -> Any:
    is_unsafe = isinstance(value, BaseException) and is_quoting(value)
    return describe_error(value) if is_unsafe else value


def _clean(value: Any) -> Any:
    """Redact before the JSON is written: afterwards a number would become a bare word in it."""
    if value is None or isinstance(value, bool):
        return value
    held = isinstance(value, dict | list | tuple)
    text = json.dumps(value, default=str, ensure_ascii=False) if held else str(value)
    clean = redact(text[:_MOST])
    return value if clean == text and isinstance(value, int | float) else clean


def configure(level: str, *, production: bool = True) -> None:
    """Send every logger of the process through the redacting formatter.

    In production that includes warnings and exceptions that nobody caught; in development the
    requests' lines are short, and shown whatever the level is.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if production else DevelopmentFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.getLogger(ACCESS).setLevel(logging.NOTSET if production else logging.INFO)
    # The SDK's own lines tell of a call what the gateway's line tells as well.
    logging.getLogger("stripe").setLevel(logging.WARNING)
    if production:
        logging.captureWarnings(True)
        sys.excepthook = _log_uncaught
        threading.excepthook = _log_uncaught_in_thread


def _log_uncaught(_kind: Any, error: BaseException, _trace: Any) -> None:
    if isinstance(error, KeyboardInterrupt):
        return
    logging.getLogger("uncaught").critical("nobody caught an exception", exc_info=error)


def _log_uncaught_in_thread(held: threading.ExceptHookArgs) -> None:
    if held.exc_value is not None and not isinstance(held.exc_value, SystemExit):
        _log_uncaught(held.exc_type, held.exc_value, held.exc_traceback)
