"""A lock in Redis: one holder at a time, each with a higher number than all before him."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
from redis import Redis

from payments.kit.locks import alone
from tests.support.shop import eventually


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    with Redis.from_url(redis_url) as held:
        yield held


@pytest.fixture
def name() -> str:
    return f"lock:{uuid4()}"


def test_one_holder_at_a_time(redis: Redis, name: str) -> None:
    with alone(redis, name, seconds=30) as first, alone(redis, name, seconds=30) as second:
        assert first is not None
        assert first.holds()
        assert second is None
    with alone(redis, name, seconds=30) as third:
        assert third is not None
        assert third.fence > first.fence


def test_an_error_lets_it_go(redis: Redis, name: str) -> None:
    with pytest.raises(ValueError, match="wishes"), alone(redis, name, seconds=30):
        raise ValueError("as the test wishes")
    with alone(redis, name, seconds=30) as lock:
        assert lock is not None


def test_a_stale_holder_is_told_apart_and_cannot_let_go_what_is_not_his(
    redis: Redis, name: str
) -> None:
    with alone(redis, name, seconds=30) as stale:
        redis.delete(name)  # as when its time is over
        with alone(redis, name, seconds=30) as present:
            assert stale is not None
            assert present is not None
            assert present.fence > stale.fence
            assert (stale.holds(), present.holds()) == (False, True)
        with alone(redis, name, seconds=30) as next_one:
            assert next_one is not None
            assert not stale.holds()
    assert redis.get(name) is None


def test_a_stale_holder_leaves_the_present_ones_lock(redis: Redis, name: str) -> None:
    with alone(redis, name, seconds=30):
        redis.delete(name)
        redis.set(name, "12")
    assert redis.get(name) == b"12"


def test_numbers_grow_though_redis_forgets(redis: Redis, name: str) -> None:
    with alone(redis, name, seconds=30) as before:
        pass
    redis.delete(name, f"{name}:last")
    with alone(redis, name, seconds=30) as after:
        assert before is not None
        assert after is not None
        assert after.fence > before.fence


def test_numbers_grow_though_the_clock_of_redis_is_set_back(redis: Redis, name: str) -> None:
    late = 2**52
    redis.set(f"{name}:last", late)
    with alone(redis, name, seconds=30) as lock:
        assert lock is not None
        assert lock.fence == late + 1


def test_it_lapses(redis: Redis, name: str) -> None:
    with alone(redis, name, seconds=1) as lock:
        assert lock is not None
        eventually(lambda: not lock.holds())
