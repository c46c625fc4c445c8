"""A Redis that takes connections and never answers: one short wait, then none until it is back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from payments import jobs
from payments.extensions import redis
from payments.gateway import traffic
from payments.kit import clock
from payments.kit.circuit import OPEN_SECONDS
from payments.kit.redis_client import circuit_of
from tests.support import redis_servers, stack
from tests.support.site import Site, open_site

# What the first call may cost, the database and the password included; and a call that asks nobody.
FIRST, LATER = 0.9, 0.25


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory, sandbox: stack.Sandbox) -> Iterator[Site]:
    """An installation whose Redis may be paused."""
    folder: Path = tmp_path_factory.mktemp("hanging")
    with open_site(folder, sandbox, own_redis=True, CHARGE_WAIT_SECONDS="10") as made:
        yield made


@pytest.fixture(autouse=True)
def closed_circuit(own: Site) -> None:
    """What the test before found out about its Redis is forgotten."""
    with own.app.app_context():
        circuit_of(redis()).record_success()


@pytest.fixture
def hanging(own: Site) -> Iterator[Site]:
    """The same while its Redis is stopped, after it was in use."""
    assert own.client.get("/api/pricing-plans").status_code == 200
    assert own.enqueue(jobs.HEARTBEAT)
    with redis_servers.pause(own.settings.redis_url):
        yield own


def measure(call: Callable[[], Any]) -> float:
    started = time.monotonic()
    call()
    return time.monotonic() - started


def event() -> dict[str, Any]:
    return {
        "id": f"evt_{time.monotonic_ns()}",
        "object": "event",
        "type": "payment_method.updated",
        "created": clock.timestamp(),
        "livemode": False,
        "data": {"object": {"id": "pm_nobody", "object": "payment_method"}},
    }


@pytest.mark.parametrize("name", ["plans", "webhook", "readiness", "enqueue", "queued", "token"])
def test_only_the_first_call_waits_and_half_a_second_at_most(hanging: Site, name: str) -> None:
    calls: dict[str, Callable[[], Any]] = {
        "plans": lambda: hanging.client.get("/api/pricing-plans"),
        "webhook": lambda: hanging.shop.deliver(event()),
        "readiness": lambda: hanging.client.get("/readyz"),
        "enqueue": lambda: hanging.enqueue(jobs.HEARTBEAT),
        "queued": lambda: jobs.queued(jobs.CHARGES),
        "token": lambda: traffic.enter("sk_test_nobody"),
    }
    with hanging.app.app_context():
        first, *later = (measure(calls[name]) for _ in range(3))
    assert first < FIRST
    assert max(later) < LATER


def test_an_upgrade_is_answered_202_at_once(own: Site) -> None:
    person, place = own.customer()
    with redis_servers.pause(own.settings.redis_url):
        started = time.monotonic()
        answer = own.shop.upgrade(person, place.slug)
        assert time.monotonic() - started < FIRST
        assert (answer.status_code, answer.json["data"]["charge"]["status"]) == (202, "pending")


def test_readiness_says_that_redis_does_not_answer(hanging: Site) -> None:
    for _ in range(2):
        parts = hanging.client.get("/readyz").json["parts"]
        assert parts["redis"] == "unreachable: no answer in time"


def test_it_is_used_again_soon_after_it_is_back(own: Site) -> None:
    with redis_servers.pause(own.settings.redis_url):
        assert not own.enqueue(jobs.HEARTBEAT)
    assert not own.enqueue(jobs.HEARTBEAT)
    time.sleep(OPEN_SECONDS)
    assert own.enqueue(jobs.HEARTBEAT)
