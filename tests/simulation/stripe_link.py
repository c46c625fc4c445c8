"""The wire between the official SDK and the sandbox, without a socket: it may lose and delay.

It stands in the place of the `requests.Session` of the service's own connection pool, so that the
SDK, its time-outs and the gateway's translation of errors are the production code.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import ProtocolError

from payments.sandbox.app import App
from payments.sandbox.control_input import check_fault
from payments.sandbox.messages import Request, Response
from tests.simulation.determinism import VirtualClock
from tests.simulation.processes import Scheduler, has_open_transaction

BASE = "http://stripe.simulation"
SENDING, ANSWERED = "stripe.sending", "stripe.answered"

# https://docs.stripe.com/error-codes#idempotency-key-in-use
_IN_USE = {
    "type": "idempotency_error",
    "code": "idempotency_key_in_use",
    "message": "There is currently another in-progress request using this Idempotent Key.",
}

_BAD_KEY = {"type": "invalid_request_error", "message": "Invalid API Key provided: sk_test_***"}
STALE_SECONDS = 60


@dataclass
class Answer:
    """What the SDK reads of a `requests.Response`."""

    status_code: int
    content: bytes
    headers: CaseInsensitiveDict[str]


@dataclass(frozen=True)
class Sent:
    """A request as it left the SDK, and how long its sender waits for an answer."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    connect_seconds: float
    read_seconds: float


class StripeLink:
    """Carries requests to the sandbox; `weather` holds what happens to the next ones."""

    def __init__(
        self,
        app: App,
        scheduler: Scheduler,
        clock: VirtualClock,
        scope: str,
        note: Callable[[str], None],
    ) -> None:
        self._app, self._scheduler, self._clock = app, scheduler, clock
        self._scope, self._note = scope, note
        self.weather: deque[str] = deque()

    def request(self, method: str, url: str, **options: Any) -> Answer:
        """Do what `requests.Session.request` does, as the weather allows."""
        if has_open_transaction():
            raise AssertionError(f"{method} {url} is sent with a transaction open")
        sent = _sent(method.upper(), url, options)
        self._scheduler.pass_step(SENDING)
        fault = self.weather.popleft() if self.weather else "normal"
        if fault != "normal":
            self._note(f"    {sent.method} {sent.path}: {fault}")
        answer = FAULTS[fault](self, sent)
        self._scheduler.pass_step(ANSWERED)
        return answer

    def carry_out(self, sent: Sent) -> Answer:
        """Let the sandbox do what is asked and return its answer."""
        headers = dict(sent.headers)
        request = Request(sent.method, sent.path, sent.query, headers, sent.body, BASE)
        return _answer(self._app.handle(request))

    # The faults

    def refuse_connection(self, sent: Sent) -> Answer:
        self._scheduler.sleep(sent.connect_seconds)
        raise requests.exceptions.ConnectTimeout("no connection")

    def lose_request(self, sent: Sent) -> Answer:
        return self._time_out(sent)

    def lose_answer(self, sent: Sent) -> Answer:
        self.carry_out(sent)
        return self._time_out(sent)

    def cut_answer(self, sent: Sent) -> Answer:
        self.carry_out(sent)
        raise requests.exceptions.ConnectionError(ProtocolError("Connection aborted."))

    def double(self, sent: Sent) -> Answer:
        self.carry_out(sent)
        return self.carry_out(sent)

    def answer_slowly(self, sent: Sent) -> Answer:
        answer = self.carry_out(sent)
        self._scheduler.sleep(0.8 * sent.read_seconds)
        return answer

    def fail(self, sent: Sent, **fault: Any) -> Answer:
        """Let one of the sandbox's own faults strike this request."""
        self._app.parts.faults.add(self._scope, check_fault(fault))
        return self.carry_out(sent)

    def list_stale(self, sent: Sent) -> Answer:
        """Leave out of a list what was made within the last minute."""
        answer = self.carry_out(sent)
        content = json.loads(answer.content)
        if sent.method == "GET" and isinstance(content.get("data"), list):
            newest = self._clock.now - STALE_SECONDS
            content["data"] = [each for each in content["data"] if each["created"] < newest]
            answer.content = json.dumps(content).encode()
        return answer

    def take_late(self, sent: Sent, seconds: float, **outcome: Any) -> Answer:
        """Let Stripe work so long: the key is in use and the object locked until it is done."""
        if sent.method == "POST":
            answer = self.fail(sent, action="late", seconds=seconds, **outcome)
            if answer.status_code:  # an earlier request holds the key or the object
                return answer
        return self._time_out(sent)

    def arrive_late(self, sent: Sent, seconds: float) -> Answer:
        """Let the network hold the request: Stripe hears of it when its sender is long gone."""
        self._scheduler.call_later(seconds, lambda: self._arrive(sent))
        return self._time_out(sent)

    def _arrive(self, sent: Sent) -> None:
        answer = self.carry_out(sent)
        self._note(f"    {sent.method} {sent.path} arrives late: {answer.status_code}")

    def _time_out(self, sent: Sent) -> Answer:
        self._scheduler.sleep(sent.read_seconds)
        raise requests.exceptions.ReadTimeout("no answer in time")


FAULTS: dict[str, Callable[[StripeLink, Sent], Answer]] = {
    "normal": StripeLink.carry_out,
    "refused": StripeLink.refuse_connection,
    "request_lost": StripeLink.lose_request,
    "answer_lost": StripeLink.lose_answer,
    "answer_cut": StripeLink.cut_answer,
    "doubled": StripeLink.double,
    "slow": StripeLink.answer_slowly,
    "status_500": lambda link, sent: link.fail(sent, action="status", status=500),
    "status_429": lambda link, sent: link.fail(sent, action="status", status=429),
    "status_409": lambda link, sent: link.fail(sent, action="status", status=409, error=_IN_USE),
    "status_401": lambda link, sent: link.fail(sent, action="status", status=401, error=_BAD_KEY),
    "stale_list": StripeLink.list_stale,
    "stored_500": lambda link, sent: link.fail(sent, action="stored_500"),
    "stored_500_done": lambda link, sent: link.fail(sent, action="stored_500", effect=True),
    # Stripe's engineers finish such requests: https://docs.stripe.com/error-low-level
    "stored_500_late": lambda link, sent: link.fail(
        sent, action="stored_500", effect_after_seconds=300
    ),
    "late_30_s": lambda link, sent: link.take_late(sent, 30),
    "late_120_s": lambda link, sent: link.take_late(sent, 120),
    "late_1_h": lambda link, sent: link.take_late(sent, 3600),
    "late_for_nothing": lambda link, sent: link.take_late(sent, 120, status=500),
    "arrives_after_30_s": lambda link, sent: link.arrive_late(sent, 30),
    "arrives_after_150_s": lambda link, sent: link.arrive_late(sent, 150),
    "arrives_after_1_h": lambda link, sent: link.arrive_late(sent, 3600),
}


def _sent(method: str, url: str, options: dict[str, Any]) -> Sent:
    parts = urlsplit(url)
    body = options.get("data") or b""
    headers = {name.lower(): str(value) for name, value in (options.get("headers") or {}).items()}
    patience = options.get("timeout") or 80
    connect, read = patience if isinstance(patience, tuple) else (patience, patience)
    content = body.encode() if isinstance(body, str) else body
    return Sent(method, parts.path, parts.query, headers, content, connect, read)


def _answer(response: Response) -> Answer:
    return Answer(response.status, response.body, CaseInsensitiveDict(response.headers))
