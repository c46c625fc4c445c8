"""Keeps to Stripe's rate limits, account by account over all processes, and counts the calls.

Each account has a bucket of tokens in Redis. It holds a fifth of what Stripe allows in a second and
fills up with the other four fifths, so that in no second more calls leave than are allowed. Work in
the background leaves half of the bucket to those who are waiting for an answer. Without Redis calls
are not held back: Stripe's own 429 is handled anyway.

https://docs.stripe.com/rate-limits
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta

import stripe
from flask import has_app_context
from redis.exceptions import RedisError

from payments.extensions import redis, settings
from payments.kit import clock

log = logging.getLogger(__name__)

# How long a call waits for its token: somebody looks at the screen, or nobody does.
FOREGROUND_SECONDS, BACKGROUND_SECONDS = 1, 20
_JITTER_MS = 20

# Takes a token, or returns the milliseconds until there may be one. Redis's clock is everybody's.
_TAKE = """
local rate, size = ARGV[1] * 0.8, ARGV[1] * 0.2
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local held = redis.call('HMGET', KEYS[1], 'left', 'at')
local gained = math.max(now - (held[2] or now), 0) * rate / 1000
local left = math.min(size, (held[1] or size) + gained)
local missing = 1 + size * ARGV[2] - left
if missing > 0 then
  return math.ceil(missing * 1000 / rate)
end
redis.call('HSET', KEYS[1], 'left', left - 1, 'at', string.format('%.3f', now))
redis.call('PEXPIRE', KEYS[1], 2000)
return 0
"""


@dataclass
class Count:
    """How many calls have left since the count began."""

    calls: int = 0


_patience: ContextVar[int | None] = ContextVar("patience", default=None)
_counts: ContextVar[tuple[Count, ...]] = ContextVar("counts", default=())


@contextmanager
def background(*, seconds: int = BACKGROUND_SECONDS) -> Iterator[None]:
    """Let the block's calls stand back; each waits up to `seconds` for its turn."""
    former = _patience.set(seconds)
    try:
        yield
    finally:
        _patience.reset(former)


@contextmanager
def counted() -> Iterator[Count]:
    """Count the calls of the block; a count inside another one is part of both."""
    count = Count()
    former = _counts.set((*_counts.get(), count))
    try:
        yield count
    finally:
        _counts.reset(former)


def enter(secret_key: str) -> None:
    """Wait for the account's next token; RateLimitError when none comes in time.

    The error is the SDK's own, for what it says is what Stripe would have said.
    """
    patience = _patience.get()
    deadline = clock.monotonic() + (FOREGROUND_SECONDS if patience is None else patience)
    while wait := _take(secret_key, spared=patience is not None):
        pause = timedelta(milliseconds=wait + secrets.randbelow(_JITTER_MS)).total_seconds()
        if clock.monotonic() + pause > deadline:
            raise stripe.RateLimitError("held back by our own limit", http_status=429)
        clock.pause(pause)
    for count in _counts.get():
        count.calls += 1


def _take(secret_key: str, *, spared: bool) -> int:
    """Take a token; return 0, or the milliseconds after which it is worth asking again."""
    if not has_app_context():
        return 0
    share = "0.5" if spared else "0"
    try:
        return int(redis().eval(_TAKE, 1, _bucket(secret_key), str(_limit(secret_key)), share))
    except RedisError as error:
        log.warning("calls to Stripe are not held back: %s", type(error).__name__)
        return 0


def _limit(secret_key: str) -> int:
    live = "_live_" in secret_key
    return settings().stripe_rate_limit_live if live else settings().stripe_rate_limit_test


def _bucket(secret_key: str) -> str:
    return f"payments:stripe:bucket:{hashlib.sha256(secret_key.encode()).hexdigest()[:24]}"
