"""One simulated history: the service, its workers' queue, Stripe, the wire and the clock."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any
from unittest import mock

import requests
from flask import got_request_exception
from werkzeug.test import TestResponse

from payments import jobs
from payments.gateway import client as gateway_client
from payments.kit import steps
from payments.kit.db import db
from payments.sandbox.app import App
from payments.sandbox.signing import signature
from tests.simulation.determinism import VirtualClock, controlled
from tests.simulation.ledgers import Facts, Ledgers
from tests.simulation.processes import Fate, Process, Scheduler
from tests.simulation.service import SCOPE, SECRET_KEY, WEBHOOK_SECRET, Service
from tests.simulation.stripe_link import StripeLink

Message = tuple[str, dict[str, Any]]

# Answers of 500 that the API documents: Stripe failed us, or our key was refused.
DOCUMENTED_500 = {"stripe_error", "payment_error", "stripe_not_configured", "expired"}
# Rendering PDFs moves no money.
_SIMULATED = {jobs.RUN_CHARGE, jobs.RUN_REFUND, jobs.DRAIN_INBOX}


class Violation(AssertionError):
    """An invariant does not hold."""


class World:
    """What one example works with. Enter it with `running`."""

    def __init__(self, service: Service, stripe: App, seed: int) -> None:
        self.service, self.stripe = service, stripe
        self.clock = VirtualClock()
        self.chance = random.Random(seed)  # noqa: S311 - it has to be repeatable
        self.scheduler = Scheduler(self.clock, self._ended)
        self.link = StripeLink(stripe, self.scheduler, self.clock, SCOPE, self.note)
        self.queue: list[Message] = []
        self.trace: list[str] = []
        self.ledgers = Ledgers(service.file, stripe)
        self.checked: Facts | None = None
        self._bug: BaseException | None = None

    def note(self, line: str) -> None:
        self.trace.append(f"{self.clock.read():%d %H:%M:%S} {line}")

    # Processes of the service

    def task(self, name: str, work: Callable[[], Any], fate: Fate | None = None) -> Process:
        """Run a function of the worker as a process of its own."""

        def run() -> Any:
            with self.service.app.app_context():
                try:
                    return work()
                finally:
                    db.session.remove()

        return self.scheduler.start(name, run, fate or Fate())

    def request(
        self, method: str, path: str, body: Any = None, *, fate: Fate | None = None, **headers: str
    ) -> Process:
        """Send a request to the web process as the owner; its result is the answer."""
        headers = {"Authorization": f"Bearer {self.service.token}", **headers}
        sent = {"json": body} if body is not None else {}

        def run() -> TestResponse:
            client = self.service.app.test_client()
            return client.open(path, method=method, headers=headers, **sent)

        return self.scheduler.start(f"{method} {path}", run, fate or Fate())

    def _ended(self, process: Process) -> None:
        """Report what a process may never do: break, or answer 500 for no documented reason."""
        if process.died:
            self.note(f"    {process.name} died after {process.last_step}")
        if process.error is not None:
            raise Violation(f"{process.name} broke: {process.error!r}") from process.error
        answer = process.result
        if isinstance(answer, TestResponse):
            self.note(f"    {process.name}: {answer.status_code} {_code_of(answer)}".rstrip())
            if answer.status_code == 500 and _code_of(answer) not in DOCUMENTED_500:
                raise Violation(f"{process.name} answered 500: {answer.text}") from self._bug

    # The queue

    def enqueue(self, name: str, **ids: int | str) -> bool:
        """Take a message in the place of Redis."""
        if name in _SIMULATED:
            self.queue.append((name, ids))
        return True

    # Stripe's side

    def call_stripe(
        self, method: str, path: str, key: str = SECRET_KEY, **params: str
    ) -> dict[str, Any]:
        """Act on the account as its dashboard, or with a publishable key as a browser."""
        return self.ledgers.call_stripe(method, path, key, params)

    def deliver(self, event: dict[str, Any], fate: Fate | None = None) -> Process:
        """Let Stripe deliver an event to the webhook, signed."""
        body = json.dumps(event).encode()
        header = signature(WEBHOOK_SECRET, int(self.clock.now), body)

        def run() -> TestResponse:
            client = self.service.app.test_client()
            headers = {"Stripe-Signature": header}
            return client.post("/api/payments/webhook", data=body, headers=headers)

        return self.scheduler.start(f"delivery of {event['type']}", run, fate or Fate())

    # Time

    def advance(self, seconds: float) -> None:
        """Let time pass on both sides."""
        self.scheduler.advance(seconds)
        self.ledgers.run_due_jobs()

    def _remember_bug(self, _app: Any, exception: BaseException, **_: Any) -> None:
        self._bug = exception


@contextmanager
def running(service: Service, seed: int, *, stripe: App | None = None) -> Iterator[World]:
    """Begin an example: both sides as kept, every source of chance in the world's hands."""
    world = World(service, stripe or service.restore(), seed)
    with ExitStack() as stack:
        stack.enter_context(controlled(world.clock, world.chance, world.scheduler.sleep))
        for patch in _patches(world):
            stack.enter_context(patch)
        stack.enter_context(got_request_exception.connected_to(world._remember_bug))
        steps.arm(world.scheduler.pass_step)
        try:
            yield world
        finally:
            world.scheduler._on_end = lambda _process: None
            world.scheduler.kill_all()
            steps.arm(None)
            world.ledgers.close()


_new_pool = gateway_client._connections.__wrapped__


def _patches(world: World) -> list[Any]:
    """Put the simulation in the place of Redis's queue and of the connections' sockets."""
    return [
        mock.patch.object(jobs, "enqueue", world.enqueue),
        mock.patch.object(jobs, "queued", return_value=0),
        mock.patch.object(jobs, "announce"),
        # The SDK opens its session at the first call of a pool; a pool serves one example.
        mock.patch.object(requests, "Session", return_value=world.link),
        mock.patch.object(gateway_client, "_connections", cache(_new_pool)),
    ]


def _code_of(answer: TestResponse) -> str:
    body = answer.get_json(silent=True)
    return str(body.get("code", "")) if isinstance(body, dict) else ""
