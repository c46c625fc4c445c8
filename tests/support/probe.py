"""A probe that asks properly while others do not."""

from __future__ import annotations

import socket
import threading
import time

_PATIENCE_SECONDS = 10


class Probe:
    """Asks for /healthz, each time on a new connection, and keeps how long that took."""

    def __init__(self, address: tuple[str, int], *, pause: float = 0.1) -> None:
        self.seconds: list[float] = []
        self.failures: list[str] = []
        self._address, self._pause, self._over = address, pause, threading.Event()
        self._asked_at: float | None = None
        self._thread = threading.Thread(target=self._work, daemon=True)

    def start(self) -> None:
        """Start to ask."""
        self._thread.start()

    def stop(self) -> None:
        """Ask no more."""
        self._over.set()
        self._thread.join(_PATIENCE_SECONDS * 2)

    @property
    def waiting_seconds(self) -> float:
        """How long the present question has been without an answer."""
        asked_at = self._asked_at
        return 0.0 if asked_at is None else time.monotonic() - asked_at

    def _work(self) -> None:
        while not self._over.wait(self._pause):
            started = self._asked_at = time.monotonic()
            try:
                if not (answer := self._ask()).startswith(b"HTTP/1.1 200 "):
                    self.failures.append(repr(answer[:60]))
            except OSError as error:
                self.failures.append(repr(error))
            self._asked_at = None
            self.seconds.append(time.monotonic() - started)

    def _ask(self) -> bytes:
        with socket.create_connection(self._address, timeout=_PATIENCE_SECONDS) as opened:
            opened.sendall(b"GET /healthz HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
            return opened.recv(65536)
