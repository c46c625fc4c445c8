"""Calls leave no faster than Stripe allows, the background last, and every one is counted."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from secrets import token_hex

import pytest
import stripe
from flask import Flask
from redis import Redis

from payments import config
from payments.config import ConfigError, Settings
from payments.extensions import connect_redis
from payments.gateway import traffic
from payments.gateway.errors import RATE_LIMIT, Unavailable
from payments.gateway.gateway import account
from payments.kit.redis_client import circuit_of
from tests.support import processes, stack
from tests.support.apps import another_app
from tests.support.site import at_once

LIMIT = 25


def new_key() -> str:
    return f"sk_test_{time.monotonic_ns()}"


@pytest.fixture
def limited(settings: Settings) -> Iterator[Flask]:
    """An app that keeps to a limit, as production does."""
    changes = {
        "stripe_rate_limit_test": LIMIT,
        "stripe_rate_limit_live": 4 * LIMIT,
        "stripe_rate_limit_operation": LIMIT,
    }
    with another_app(settings, **changes) as app:
        yield app


@pytest.fixture
def key(limited: Flask) -> Iterator[str]:
    with limited.app_context():
        yield new_key()


def entered(key: str, operation: str = "") -> bool:
    """Try to get in without waiting."""
    try:
        with traffic.background(seconds=0):
            traffic.enter(key, operation)
    except stripe.RateLimitError:
        return False
    return True


def times(limited: Flask, key: str, calls: int, seconds: int, *operations: str) -> list[float]:
    """Make calls from several threads, the operations in turn; return when each one left."""
    turns = operations or ("",)

    def run() -> list[float]:
        left = []
        with limited.app_context(), traffic.background(seconds=seconds):
            for number in range(calls // 5):
                traffic.enter(key, turns[number % len(turns)])
                left.append(time.monotonic())
        return left

    return sorted(chain.from_iterable(at_once([run] * 5)))


class TestLimit:
    def test_no_second_has_more_calls_than_allowed(self, limited: Flask, key: str) -> None:
        """Fifty calls from five threads at 25 a second: none refused, none too early."""
        left = times(limited, key, 2 * LIMIT, 20)
        assert len(left) == 2 * LIMIT
        for moment in left:
            # The moments are read after each call got in: allow for that little.
            assert sum(moment <= other < moment + 0.95 for other in left) <= LIMIT
        assert left[-1] - left[0] < 4

    def test_a_live_account_makes_no_more_calls_of_one_operation(
        self, limited: Flask, key: str
    ) -> None:
        """It may make four times as many in all, but each operation has its own limit."""
        live = key.replace("_test_", "_live_")
        left = times(limited, live, 2 * LIMIT, 20, "get /v1/subscriptions/{id}")
        for moment in left:
            assert sum(moment <= other < moment + 0.95 for other in left) <= LIMIT

    def test_operations_of_a_live_account_do_not_share(self, limited: Flask, key: str) -> None:
        live = key.replace("_test_", "_live_")
        operations = [f"get /v1/{name}" for name in ("invoices", "refunds", "disputes", "charges")]
        left = times(limited, live, 4 * LIMIT, 20, *operations)
        assert left[-1] - left[0] < 2.5
        for moment in left:
            assert sum(moment <= other < moment + 0.95 for other in left) <= 4 * LIMIT

    def test_all_operations_together_keep_to_the_account(self, key: str) -> None:
        operations = [f"get /v1/{number}" for number in range(9)]
        assert sum(entered(key, each) for each in operations) == 2

    def test_two_keys_of_one_account_share(self, key: str) -> None:
        account = "1" + token_hex(20)[:15]
        keys = [f"{kind}_test_5{account}{token_hex(40)}" for kind in ("sk", "rk", "sk", "rk")]
        assert sum(entered(each) for each in keys) == 2

    def test_accounts_do_not_share(self, key: str) -> None:
        while entered(key):
            pass
        assert entered(new_key())

    def test_a_live_key_may_call_more_often(self, key: str) -> None:
        live, test = key.replace("_test_", "_live_"), key
        operations = [f"get /v1/{number}" for number in range(9)]
        assert [sum(entered(k, each) for each in operations) for k in (test, live)] == [2, 9]

    def test_redis_learns_no_key(self, key: str, redis_url: str) -> None:
        traffic.enter(key)
        held = Redis.from_url(redis_url).keys("*")
        assert held
        assert not any(key.encode() in name for name in held)


class TestTurns:
    def test_the_background_leaves_room_for_others(self, key: str) -> None:
        """What the background may not have, a request gets at once."""
        while entered(key):
            pass
        started = time.monotonic()
        traffic.enter(key)
        traffic.enter(key)
        assert time.monotonic() - started < traffic.FOREGROUND_SECONDS

    def test_a_request_is_refused_after_a_second(self, limited: Flask, key: str) -> None:
        """Nothing leaves then: the sandbox hears of no call."""
        drained = Redis.from_url(limited.extensions["payments.settings"].redis_url)
        traffic.enter(key)
        drained.hset(traffic.name_buckets(key, "")[0], "left", -5 * LIMIT)
        started = time.monotonic()
        with pytest.raises(Unavailable) as caught, traffic.counted() as count:
            account(key).list_refunds("pi_1")
        assert time.monotonic() - started < 10
        assert (caught.value.code, caught.value.throttled) == (RATE_LIMIT, True)
        assert count.calls == 0

    def test_the_background_waits_for_its_turn(self, key: str) -> None:
        while entered(key):
            pass
        started = time.monotonic()
        with traffic.background():
            traffic.enter(key)
        assert 0.02 < time.monotonic() - started < traffic.BACKGROUND_SECONDS


class TestWithoutRedis:
    def test_nothing_is_held_back_and_nothing_fails(self, limited: Flask, key: str) -> None:
        """Fast, too: a Redis that is away is asked again only every few seconds."""
        connect_redis(limited, f"redis://127.0.0.1:{processes.free_port()}/0")
        started = time.monotonic()
        assert all(entered(key) for _ in range(4 * LIMIT))
        assert time.monotonic() - started < 10

    def test_it_holds_back_again_once_redis_is_there(self, limited: Flask, key: str) -> None:
        port = processes.free_port()
        connect_redis(limited, f"redis://127.0.0.1:{port}/0")
        assert entered(key)
        with stack.ValkeyServer(port=port, appendonly="no"):
            circuit_of(limited.extensions["payments.redis"]).record_success()
            assert not all(entered(key) for _ in range(LIMIT))

    def test_outside_of_an_app_there_is_no_limit(self) -> None:
        traffic.enter("sk_test_nobody")


class TestCount:
    def test_calls_are_counted_within_and_without(self, limited: Flask) -> None:
        with limited.app_context(), traffic.counted() as outer:
            gateway = account(new_key())
            customer = gateway.create_customer(email="a@example.com", metadata={}, key="k")
            with traffic.counted() as inner:
                gateway.set_default_card(customer, None)
                with traffic.background():
                    gateway.set_default_card(customer, None)
            gateway.set_default_card(customer, None)
        assert (outer.calls, inner.calls) == (4, 2)

    def test_another_threads_calls_are_its_own(self, limited: Flask) -> None:
        key = new_key()
        with limited.app_context(), traffic.counted() as count:
            times(limited, key, 5, 20)
        assert count.calls == 0


def test_the_limits_are_stripes(tmp_path: Path) -> None:
    """Unless somebody has others with Stripe. https://docs.stripe.com/rate-limits"""
    held = config.load({"DATA_DIR": str(tmp_path)})
    assert (held.stripe_rate_limit_live, held.stripe_rate_limit_test) == (100, 25)
    assert held.stripe_rate_limit_operation == 25
    with pytest.raises(ConfigError, match="STRIPE_RATE_LIMIT_LIVE"):
        config.load({"DATA_DIR": str(tmp_path), "STRIPE_RATE_LIMIT_LIVE": "4"})
