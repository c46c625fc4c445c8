"""Requests that wait for outcomes take half of the threads at most; the others stay free."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from payments.kit import clock
from tests.support import processes, stack
from tests.support.processes import HttpClient
from tests.support.shop import eventually
from tests.support.site import Site, open_site

THREADS, WAIT = 4, 8
AT_ONCE = 2.0


@pytest.fixture
def own(tmp_path: Path, sandbox: stack.Sandbox) -> Iterator[Site]:
    """An installation whose Redis knows no other listeners."""
    variables = {"WEB_THREADS": str(THREADS), "CHARGE_WAIT_SECONDS": str(WAIT)}
    with open_site(tmp_path, sandbox, own_redis=True, **variables) as made:
        yield made


@pytest.fixture
def small_web(own: Site) -> Iterator[HttpClient]:
    """One process with four threads; no worker runs, so that nobody's outcome comes."""
    with processes.web({**own.environment, "WEB_CONCURRENCY": "1"}) as client:
        yield client


def timed(call: Any) -> tuple[int, float]:
    started = time.monotonic()
    answer = call()
    return answer.status_code, time.monotonic() - started


def test_who_comes_when_all_waiting_places_are_taken_is_answered_at_once(
    own: Site, small_web: HttpClient
) -> None:
    """Two wait; two more upgrades are 202 at once, and so is a webhook 200."""
    shop = own.over(small_web)
    *waiting, third, fourth = [own.customer() for _ in range(THREADS // 2 + 2)]

    def upgrade(who: Any) -> tuple[int, float]:
        person, place = who
        return timed(lambda: shop.upgrade(person, place.slug))

    with ThreadPoolExecutor(len(waiting)) as pool:
        waits = [pool.submit(upgrade, who) for who in waiting]
        eventually(lambda: subscribed(own) == len(waiting))
        for who in (third, fourth):
            status, seconds = upgrade(who)
            assert (status, seconds < AT_ONCE) == (202, True)
        status, seconds = timed(lambda: shop.deliver(event()))
        assert (status, seconds < AT_ONCE) == (200, True)
        for status, seconds in (wait.result() for wait in waits):
            assert (status, seconds > AT_ONCE) == (202, True)


def subscribed(site: Site) -> int:
    """Return how many requests listen for their charge's outcome."""
    return len(site.redis.pubsub_channels("charge:*"))


def event() -> dict[str, Any]:
    return {
        "id": f"evt_{time.monotonic_ns()}",
        "object": "event",
        "type": "payment_method.updated",
        "created": clock.timestamp(),
        "livemode": False,
        "data": {"object": {"id": "pm_nobody", "object": "payment_method"}},
    }
