"""One sandbox that can be started and stopped, in its own process or inside a test run."""

from __future__ import annotations

import threading

from .app import App
from .http import HttpServer
from .offline import NEW_YEAR_2026, OfflineSandbox
from .settings import Settings


class Sandbox:
    """`with Sandbox(port=0) as sandbox: ...` serves on `sandbox.url` until the block ends."""

    def __init__(
        self,
        port: int = 0,
        database: str = ":memory:",
        host: str = "127.0.0.1",
        settings: Settings | None = None,
    ) -> None:
        self._app = App(database, settings or Settings())
        try:
            self._server = HttpServer((host, port), self._app)
        except OSError:
            self._app.parts.store.close()
            raise
        self._app.parts.home = self.url
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="sandbox-http", daemon=True
        )

    @staticmethod
    def offline(
        seed: int = 0, start: float = NEW_YEAR_2026, settings: Settings | None = None
    ) -> OfflineSandbox:
        """Return one without sockets, threads and real time; its ids come from `seed`."""
        return OfflineSandbox(seed, start, settings)

    @property
    def port(self) -> int:
        return int(self._server.server_port)

    @property
    def url(self) -> str:
        return f"http://{self._server.server_name}:{self.port}"

    def start(self) -> Sandbox:
        self._app.start()
        self._thread.start()
        return self

    def stop(self) -> None:
        if self._thread.ident is not None:  # else nobody would end the wait for the loop
            self._server.shutdown()
        self._server.server_close()
        self._server.hang_up()
        self._app.stop()

    def __enter__(self) -> Sandbox:
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()
