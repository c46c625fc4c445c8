"""The table of operations: each resource module adds its own rows on import."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from .call import Call
from .errors import unknown_url
from .messages import Json
from .objects import Record
from .params import EXPAND, Schema

Handler = Callable[[Call], Json]
Job = Callable[[Call, str], None]
Listener = Callable[[Call, Record], None]


@dataclass(frozen=True)
class Route:
    method: str
    segments: tuple[str, ...]
    handler: Handler
    schema: Schema
    required: tuple[str, ...]
    browser: bool  # may be called with a publishable key

    def fit(self, segments: tuple[str, ...]) -> dict[str, str] | None:
        values: dict[str, str] = {}
        for mine, given in zip(self.segments, segments, strict=True):
            if mine.startswith("{"):
                values[mine[1:-1]] = given
            elif mine != given:
                return None
        return values


_routes: dict[tuple[str, int], list[Route]] = {}
_jobs: dict[str, Job] = {}
_listeners: dict[str, list[Listener]] = {}


def route(
    method: str,
    path: str,
    schema: Schema | None = None,
    required: Iterable[str] = (),
    *,
    browser: bool = False,
) -> Callable[[Handler], Handler]:
    def register(handler: Handler) -> Handler:
        segments = tuple(path.strip("/").split("/"))
        full = {**EXPAND, **(schema or {})}
        row = Route(method, segments, handler, full, tuple(required), browser)
        rows = _routes.setdefault((method, len(segments)), [])
        rows.append(row)
        rows.sort(key=lambda each: sum(part.startswith("{") for part in each.segments))
        return handler

    return register


def get_route(method: str, path: str) -> tuple[Route, dict[str, str]]:
    """Return the operation at an address and the values in its path; raise 404 without one."""
    segments = tuple(path.strip("/").split("/"))
    for row in _routes.get((method, len(segments)), []):
        values = row.fit(segments)
        if values is not None:
            return row, values
    raise unknown_url(method, path)


def job(name: str) -> Callable[[Job], Job]:
    """Register work that falls due at a time of the account's own clock."""

    def register(work: Job) -> Job:
        _jobs[name] = work
        return work

    return register


def find_job(name: str) -> Job:
    return _jobs[name]


def after(name: str) -> Callable[[Listener], Listener]:
    """Register what else has to happen once a payment or a setup has come to a result."""

    def register(listener: Listener) -> Listener:
        _listeners.setdefault(name, []).append(listener)
        return listener

    return register


def tell(call: Call, name: str, record: Record) -> None:
    for listener in _listeners.get(name, []):
        listener(call, record)
