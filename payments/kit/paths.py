"""UUIDs in paths: what is none gets the same answer as any other input that does not fit."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from werkzeug.exceptions import UnprocessableEntity
from werkzeug.routing import UUIDConverter

_CANONICAL = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class Malformed(str):
    """A part of a path that should have been a UUID."""

    __slots__ = ()


class TolerantUUID(UUIDConverter):
    """Lets anything through to the view's own room, which says 422 where Werkzeug says 404."""

    regex = "[^/]+"

    def to_python(self, value: str) -> UUID:
        return UUID(value) if _CANONICAL.fullmatch(value) else Malformed(value)  # type: ignore[return-value]

    def to_url(self, value: Any) -> str:
        return str(value)


def refuse_malformed(_endpoint: str | None, values: dict[str, Any] | None) -> None:
    """Answer 422 and name the parts of the path that are no UUIDs; for url_value_preprocessor."""
    bad = [name for name, value in (values or {}).items() if isinstance(value, Malformed)]
    if bad:
        error = UnprocessableEntity()
        faults = {name: ["Not a valid UUID."] for name in bad}
        error.data = {"messages": {"path": faults}}  # type: ignore[attr-defined]
        raise error
