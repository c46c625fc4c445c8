"""Counts the calls to Stripe that a piece of work costs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import stripe


@dataclass
class Traffic:
    """How many requests were sent to Stripe since the counting began."""

    calls: int = 0


_counters: ContextVar[tuple[Traffic, ...]] = ContextVar("traffic", default=())


@contextmanager
def background(*, seconds: int) -> Iterator[None]:  # noqa: ARG001
    """Let the block's calls stand back, each for up to `seconds`, once calls are held back."""
    yield


@contextmanager
def counted() -> Iterator[Traffic]:
    """Count the calls of the block; blocks may stand inside each other."""
    traffic = Traffic()
    token = _counters.set((*_counters.get(), traffic))
    try:
        yield traffic
    finally:
        _counters.reset(token)


class CountingClient(stripe.RequestsClient):
    """The SDK's HTTP client, which tells every request to whoever counts."""

    def request(self, *args: Any, **kwargs: Any) -> Any:
        for traffic in _counters.get():
            traffic.calls += 1
        return super().request(*args, **kwargs)
