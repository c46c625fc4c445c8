"""The sandbox without sockets, threads and real time: everything can be repeated exactly."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from payments.sandbox.messages import Request
from payments.sandbox.offline import OfflineSandbox
from payments.sandbox.server import Sandbox

KEY, OTHER = "sk_test_12345678", "sk_test_87654321"
START = 1_800_000_000.0


@pytest.fixture
def offline() -> Iterator[OfflineSandbox]:
    sandbox = Sandbox.offline(seed=7, start=START)
    yield sandbox
    sandbox.close()


def ask(sandbox: OfflineSandbox, path: str, key: str = KEY, **params: Any) -> Any:
    answer = sandbox.send("POST", path, params, key=key)
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


def add_fault(sandbox: OfflineSandbox, **fault: Any) -> None:
    body = json.dumps({"match": {"method": "POST"}, **fault}).encode()
    request = _request("POST", "/_sandbox/faults", body)
    assert sandbox.handle(request).status == 200


def _request(method: str, path: str, body: bytes) -> Request:
    headers = {"authorization": f"Bearer {KEY}"}
    return Request(method, path, "", headers, body, "http://sandbox.invalid")


def tell_story(sandbox: OfflineSandbox) -> list[Any]:
    """A customer, a late confirmation, a refund: all that was answered and all events."""
    customer = ask(sandbox, "/v1/customers", email="workspace-1@gateways.app")
    method = ask(sandbox, "/v1/payment_methods/pm_card_visa/attach", customer=customer["id"])
    body = {"amount": 999, "currency": "usd", "customer": customer["id"]}
    intent = ask(sandbox, "/v1/payment_intents", payment_method=method["id"], **body)
    add_fault(sandbox, action="late", seconds=90)
    path = f"/v1/payment_intents/{intent['id']}/confirm"
    assert sandbox.send("POST", path, {"off_session": "true"}, key=KEY).dropped
    sandbox.advance(90.5)
    refund = ask(sandbox, "/v1/refunds", payment_intent=intent["id"])
    changes = {"name": "A", "description": "B", "phone": "1", "email": "a@gateways.app"}
    ask(sandbox, f"/v1/customers/{customer['id']}", **changes)
    return [customer, method, intent, refund, sandbox.take_events(KEY)]


def test_the_same_seed_tells_the_same_story(offline):
    again, different = OfflineSandbox(seed=7, start=START), OfflineSandbox(seed=8, start=START)
    story = tell_story(offline)
    time.sleep(1.1)  # real seconds must not show
    assert tell_story(again) == story
    assert tell_story(different)[0]["id"] != story[0]["id"]
    again.close()
    different.close()


def test_two_at_once_do_not_draw_from_each_other(offline):
    beside = OfflineSandbox(seed=7, start=START)
    first = [ask(each, "/v1/customers")["id"] for each in (offline, beside)]
    second = [ask(each, "/v1/customers")["id"] for each in (offline, beside)]
    assert first[0] == first[1] != second[0] == second[1]
    beside.close()


@pytest.mark.parametrize("hash_seeds", [("1", "2")])
def test_another_process_tells_the_same_story(hash_seeds):
    code = (
        "import json; from tests.sandbox.test_sandbox_offline import *;"
        "print(json.dumps(tell_story(OfflineSandbox(7, START))))"
    )
    told = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in hash_seeds
    ]
    assert told[0] == told[1]
    assert "payment_intent.succeeded" in told[0]


def test_time_stands_still_until_it_is_advanced(offline):
    assert ask(offline, "/v1/customers")["created"] == START
    offline.advance(0.75)
    assert ask(offline, "/v1/customers")["created"] == START
    offline.advance(0.25)
    assert ask(offline, "/v1/customers")["created"] == START + 1
    assert offline.now == START + 1


def test_an_account_can_be_set_to_a_moment_of_its_own(offline):
    body = json.dumps({"now": int(START) + 86_400}).encode()
    assert offline.handle(_request("POST", "/_sandbox/clock", body)).status == 200
    assert ask(offline, "/v1/customers")["created"] == START + 86_400
    assert ask(offline, "/v1/customers", key=OTHER)["created"] == START


def test_fractions_of_a_second_decide_what_is_due(offline):
    offline.advance(0.5)
    add_fault(offline, action="late", seconds=0.7)
    assert offline.send("POST", "/v1/customers", key=KEY).dropped
    offline.advance(0.6)
    assert offline.take_events(KEY) == []
    offline.advance(0.2)
    assert [event["type"] for event in offline.take_events(KEY)] == ["customer.created"]


def test_a_delay_takes_virtual_time_only(offline):
    add_fault(offline, action="delay", ms=60_000)
    started = time.monotonic()
    assert ask(offline, "/v1/customers")["created"] == START + 60
    assert time.monotonic() - started < 5


def test_events_are_taken_once_in_order_and_per_account(offline):
    customer = ask(offline, "/v1/customers")
    ask(offline, "/v1/customers", key=OTHER)
    ask(offline, f"/v1/customers/{customer['id']}", name="A")
    taken = offline.take_events(KEY)
    assert [event["type"] for event in taken] == ["customer.created", "customer.updated"]
    assert offline.take_events(KEY) == []
    assert len(offline.take_events(OTHER)) == 1


def test_starts_no_thread(offline):
    before = threading.active_count()
    tell_story(offline)
    assert threading.active_count() == before


def test_time_never_runs_back(offline):
    with pytest.raises(ValueError, match="only goes forward"):
        offline.advance(-1)
