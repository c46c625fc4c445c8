"""One clock and one source of randomness for the service and for the sandbox."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from unittest import mock

from payments.kit import clock as service_clock
from payments.sandbox import clock as sandbox_clock

# Where every example begins. Any moment serves; a fixed one makes a seed repeatable for ever.
BEGINNING = datetime(2026, 3, 2, 9, tzinfo=UTC).timestamp()


class VirtualClock:
    """Seconds since 1970 that pass only when the simulation says so."""

    def __init__(self) -> None:
        self.now = BEGINNING

    def read(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        return datetime.fromtimestamp(self.now, UTC)


@contextmanager
def controlled(
    clock: VirtualClock, chance: random.Random, sleep: Callable[[float], None]
) -> Iterator[None]:
    """Let both sides read `clock` and draw from `chance`; a wait of theirs calls `sleep`.

    `secrets` and `uuid` both read the operating system's random bytes, and so both are covered.
    """
    time = SimpleNamespace(time=lambda: clock.now, monotonic=lambda: clock.now, sleep=sleep)
    changes: list[tuple[Any, str, Any]] = [
        (service_clock, "time", time),
        (service_clock, "_read", clock.read),
        (sandbox_clock, "time", time),
        (os, "urandom", chance.randbytes),
        (random, "_urandom", chance.randbytes),
    ]
    patches = [mock.patch.object(*change) for change in changes]
    for patch in patches:
        patch.start()
    try:
        yield
    finally:
        for patch in reversed(patches):
            patch.stop()
