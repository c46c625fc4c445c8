"""The text that `/metrics` answers with: made once for all who ask within a few seconds."""

from __future__ import annotations

import threading

from prometheus_client import CollectorRegistry, generate_latest

from payments.kit import clock

FRESH_SECONDS = 5
# Whoever asks while the text is made gets the one before, unless it is older than this.
STALE_SECONDS = 60


class Exposition:
    """The present numbers of a registry, which takes some twenty queries to make."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._making = threading.Lock()
        self.forget()

    def forget(self) -> None:
        """Let the next reader get numbers of that moment."""
        self._text, self._made_at = b"", float("-inf")

    def read(self) -> bytes:
        """Return the text; only one thread at a time makes a new one."""
        if self._age() < FRESH_SECONDS:
            return self._text
        is_bearable = self._age() < STALE_SECONDS
        if not self._making.acquire(blocking=not is_bearable):
            return self._text
        try:
            if self._age() >= FRESH_SECONDS:
                text = generate_latest(self._registry)
                self._text, self._made_at = text, clock.monotonic()
            return self._text
        finally:
            self._making.release()

    def _age(self) -> float:
        return clock.monotonic() - self._made_at
