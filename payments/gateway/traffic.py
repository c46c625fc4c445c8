"""Keeps to Stripe's rate limits, account by account over all processes, and counts the calls.

Each account has a bucket of tokens in Redis, and another one for each operation. A bucket holds a
fifth of what Stripe allows in a second and fills up with the other four fifths, so that in no
second more calls leave than are allowed. Work in the background leaves half of a bucket to those
who are waiting for an answer. Without Redis calls are not held back: Stripe's own 429 is handled
anyway.

https://docs.stripe.com/rate-limits
"""

from __future__ import annotations

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
from payments.gateway import account_names
from payments.kit import clock

log = logging.getLogger(__name__)

# How long a call waits for its token: somebody looks at the screen, or nobody does.
FOREGROUND_SECONDS, BACKGROUND_SECONDS = 1, 20
_JITTER_MS = 20

# Takes a token from both buckets, or from none and returns the milliseconds until there may be one
# in each. Redis's clock is everybody's.
_TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local left, wait = {}, 0
for index, key in ipairs(KEYS) do
  local rate, size = ARGV[index + 1] * 0.8, ARGV[index + 1] * 0.2
  local held = redis.call('HMGET', key, 'left', 'at')
  local gained = math.max(now - (held[2] or now), 0) * rate / 1000
  left[index] = math.min(size, (held[1] or size) + gained)
  local missing = 1 + size * ARGV[1] - left[index]
  wait = math.max(wait, math.ceil(missing * 1000 / rate))
end
if wait > 0 then
  return wait
end
for index, key in ipairs(KEYS) do
  redis.call('HSET', key, 'left', left[index] - 1, 'at', string.format('%.3f', now))
  redis.call('PEXPIRE', key, 2000)
end
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


def enter(secret_key: str, operation: str = "") -> None:
    """Wait for the next token of the account and operation; RateLimitError when none comes in time.

    The error is the SDK's own, for what it says is what Stripe would have said.
    """
    patience = _patience.get()
    deadline = clock.monotonic() + (FOREGROUND_SECONDS if patience is None else patience)
    while wait := _take(secret_key, operation, spared=patience is not None):
        pause = timedelta(milliseconds=wait + secrets.randbelow(_JITTER_MS)).total_seconds()
        if clock.monotonic() + pause > deadline:
            raise stripe.RateLimitError("held back by our own limit", http_status=429)
        clock.pause(pause)
    for count in _counts.get():
        count.calls += 1


def _take(secret_key: str, operation: str, *, spared: bool) -> int:
    """Take a token; return 0, or the milliseconds after which it is worth asking again."""
    if not has_app_context():
        return 0
    share = "0.5" if spared else "0"
    limits = (str(_limit(secret_key)), str(settings().stripe_rate_limit_operation))
    try:
        buckets = name_buckets(secret_key, operation)
        return int(redis().eval(_TAKE, len(buckets), *buckets, share, *limits))
    except RedisError as error:
        log.warning("calls to Stripe are not held back: %s", type(error).__name__)
        return 0


def _limit(secret_key: str) -> int:
    live = "_live_" in secret_key
    return settings().stripe_rate_limit_live if live else settings().stripe_rate_limit_test


def name_buckets(secret_key: str, operation: str) -> tuple[str, str]:
    """Return the names of the account's bucket and of the operation's there."""
    account = account_names.name_account(secret_key)
    mode = "live" if "_live_" in secret_key else "test"
    whole = f"payments:stripe:bucket:{account}:{mode}"
    return whole, f"{whole}:{operation}"
