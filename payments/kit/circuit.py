"""A circuit breaker: what does not answer is left alone for a while, by all threads at once.

Own code, because the libraries ask for the call itself: pybreaker 1.4 holds its lock while the call
runs, so that every thread waits for one that hangs, and counts its time by the wall clock. A pool
of connections can only ask before a call and tell afterwards.

https://learn.microsoft.com/azure/architecture/patterns/circuit-breaker
"""

from __future__ import annotations

import logging
import threading

from payments.kit import clock

log = logging.getLogger(__name__)

OPEN_SECONDS = 5.0


class Circuit:
    """Whether a server may be asked; safe in threads, one for each process and server."""

    def __init__(self, name: str, *, seconds: float = OPEN_SECONDS) -> None:
        self.name, self.reason = name, ""
        self._seconds = seconds
        self._open_until: float | None = None
        self._lock = threading.Lock()

    @property
    def is_open(self) -> bool:
        """Whether the last call that was let through failed."""
        return self._open_until is not None

    def admits_call(self) -> bool:
        """Return whether a call may leave; of an open circuit one call in `seconds` is let through.

        The call that is let through has the whole interval for itself, so one that never tells how
        it ended does not keep the circuit open for good.
        """
        with self._lock:
            if self._open_until is None:
                return True
            if (now := clock.monotonic()) < self._open_until:
                return False
            self._open_until = now + self._seconds
            return True

    def record_failure(self, reason: str) -> None:
        """Open the circuit, or keep it open; `reason` is logged when it opens."""
        with self._lock:
            opened = self._open_until is None or reason != self.reason
            self._open_until, self.reason = clock.monotonic() + self._seconds, reason
        if opened:
            log.warning("%s is left alone for %g s: %s", self.name, self._seconds, reason)

    def record_success(self) -> None:
        """Close the circuit."""
        if self._open_until is None:
            return
        with self._lock:
            was_open, self._open_until, self.reason = self._open_until is not None, None, ""
        if was_open:
            log.warning("%s answers again", self.name)
