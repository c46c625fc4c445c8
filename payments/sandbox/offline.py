"""The sandbox without sockets, threads or real time, for simulations that have to be repeatable."""

from __future__ import annotations

from random import Random
from typing import Any
from urllib.parse import urlencode

from .accounts import authenticate_key
from .app import App
from .clock import VirtualTime
from .ids import draw_ids_from
from .messages import Json, Request, Response
from .settings import Settings

HOME = "http://sandbox.invalid"
NEW_YEAR_2026 = 1767225600.0


class OfflineSandbox:
    """The same seed, start and requests give the same ids, moments, answers and events.

    It belongs to one thread. Its time moves by `advance` only, and by the pauses of `delay`
    faults, which return at once. Nothing is delivered to webhook endpoints: read `take_events`.
    """

    def __init__(
        self,
        seed: int = 0,
        start: float = NEW_YEAR_2026,
        settings: Settings | None = None,
    ) -> None:
        self._random = Random(seed)  # noqa: S311  (test data, which has to come out the same)
        self._time = VirtualTime(start)
        self._app = App(":memory:", settings or Settings(), self._time)
        self._app.parts.home = HOME
        self._read: dict[str, int] = {}  # per account, the row of the event read last

    @property
    def now(self) -> float:
        """Return the virtual time in seconds since 1970, UTC, before accounts' own offsets."""
        return self._time.wall()

    def handle(self, request: Request) -> Response:
        """Answer one request, to the API as well as to the controls under `/_sandbox/`.

        A response with `dropped` stands for a connection that was cut without an answer.
        """
        with draw_ids_from(self._random):
            return self._app.handle(request)

    def send(
        self,
        method: str,
        path: str,
        params: list[tuple[str, str]] | dict[str, Any] | None = None,
        *,
        key: str,
        headers: dict[str, str] | None = None,
    ) -> Response:
        """Build a request with form parameters, as `customer` or `expand[0]`, and handle it."""
        form = urlencode(params or {})
        query, body = (form, b"") if method == "GET" else ("", form.encode())
        given = {name.lower(): value for name, value in (headers or {}).items()}
        given = {"authorization": f"Bearer {key}", **given}
        return self.handle(Request(method, path, query, given, body, HOME))

    def advance(self, seconds: float) -> None:
        """Move the time forward, fractions of a second too; what falls due on the way happens."""
        if seconds < 0:
            raise ValueError("time only goes forward")
        self._time.pause(seconds)
        with draw_ids_from(self._random):
            self._app.run_due_jobs()

    def take_events(self, key: str) -> list[Json]:
        """Return the account's events that have not been taken yet, oldest first."""
        scope = authenticate_key(key).scope
        store = self._app.parts.store
        with store.transaction():
            after = self._read.get(scope, 0)
            records = store.objects(scope).newer_than("event", after)
        if records:
            self._read[scope] = records[-1].seq
        return [record.data for record in records]

    def close(self) -> None:
        self._app.stop()
