"""A running sandbox with an account that holds something of everything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import requests

from payments.sandbox.server import Sandbox
from tests.peers.types.client import Client
from tests.peers.types.exercise import STORIES

SECONDS = 30


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes


@dataclass
class Caller:
    """What the stories need of a sandbox, over HTTP."""

    url: str
    key: str

    def send(self, method: str, path: str, form: Any, *, key: str) -> Answer:
        place = {"params": form} if method == "GET" else {"data": form}
        answer = requests.request(method, self.url + path, auth=(key, ""), timeout=SECONDS, **place)
        return Answer(answer.status_code, answer.content)

    def advance(self, seconds: int) -> None:
        body = {"seconds": seconds}
        place = f"{self.url}/_sandbox/clock/advance"
        requests.post(place, auth=(self.key, ""), json=body, timeout=SECONDS).raise_for_status()


def fill_account(sandbox: Sandbox, key: str, version: str | None = None) -> None:
    """Play every story in one account, whose events have the shape of `version`."""
    caller = Caller(sandbox.url, key)
    if version:
        place = f"{sandbox.url}/_sandbox/api_version"
        requests.post(
            place, auth=(key, ""), json={"version": version}, timeout=SECONDS
        ).raise_for_status()
    for play in STORIES:
        play(Client(caller, key))
        caller.advance(6)
