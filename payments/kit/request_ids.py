"""The id by which one request is found in every log, and the trace that it belongs to."""

from __future__ import annotations

import re
from uuid import uuid4

HEADER, TRACE_HEADER = "X-Request-ID", "traceparent"

_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}", re.ASCII)
_TRACE = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<parent>[0-9a-f]{16})-[0-9a-f]{2}"
    r"(?P<more>-.*)?",
    re.ASCII,
)


def make_request_id() -> str:
    """Return a new id: 32 hexadecimal digits."""
    return uuid4().hex


def choose_request_id(given: str | None) -> str:
    """Return the id that a caller sent if it is fit for a log line, else a new one."""
    return given if given is not None and is_request_id(given) else make_request_id()


def is_request_id(text: object) -> bool:
    """Return whether a text may be taken as an id: 1 to 128 letters, digits and `._:-`."""
    return isinstance(text, str) and _ID.fullmatch(text) is not None


def read_trace_id(header: str | None) -> str | None:
    """Return the trace id of a `traceparent` header; None for one that the standard calls invalid.

    Of a later version only what version 00 knows is read.
    https://www.w3.org/TR/trace-context/#traceparent-header
    """
    found = _TRACE.fullmatch(header or "")
    if found is None or found["version"] == "ff":
        return None
    if found["version"] == "00" and found["more"] is not None:
        return None
    if not found["trace"].strip("0") or not found["parent"].strip("0"):
        return None
    return found["trace"]


def is_trace_id(text: object) -> bool:
    """Return whether a text is a trace id as `read_trace_id` returns it."""
    return isinstance(text, str) and re.fullmatch(r"[0-9a-f]{32}", text, re.ASCII) is not None
