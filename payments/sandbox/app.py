"""Sends each request to the part that answers it: the API, the controls, or a page."""

from __future__ import annotations

from . import resources as _resources  # noqa: F401  (fills the table of routes)
from .api import Api
from .clock import RealTime
from .control import Control
from .messages import Request, Response
from .pages import Pages
from .parts import assemble
from .settings import Settings

# Stripe.js calls from pages of other origins.
OPEN_TO_BROWSERS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST, DELETE, OPTIONS",
    "Access-Control-Allow-Headers": "*",
    "Access-Control-Expose-Headers": "Request-Id, Stripe-Should-Retry",
}


class App:
    def __init__(self, database: str, settings: Settings, source: RealTime | None = None) -> None:
        self.parts = assemble(database, settings, self.run_due_jobs, source or RealTime())
        self._api = Api(self.parts)
        self._control = Control(self.parts, self._api)
        self._pages = Pages(self.parts, self._api)

    def run_due_jobs(self) -> None:
        """Do what has fallen due on the accounts' own clocks."""
        self._api.run_all_due_jobs()

    def start(self) -> None:
        self.parts.courier.start()

    def stop(self) -> None:
        self.parts.courier.stop()
        self.parts.store.close()

    def handle(self, request: Request) -> Response:
        if request.path.startswith("/_sandbox/"):
            return self._control.answer(request)
        if request.path == "/v1" or request.path.startswith(("/v1/", "/v2/")):
            return self._answer_api(request)
        return self._pages.answer(request)

    def _answer_api(self, request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(204, b"", dict(OPEN_TO_BROWSERS))
        response = self._api.answer(request)
        response.headers.update(OPEN_TO_BROWSERS)
        return response
