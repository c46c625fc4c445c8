"""Locks in Redis for jobs that one process at a time should do; each holder has a number.

They save work, they do not guard it: Redis may be flushed, and a holder may be paused until its
lock has lapsed. What must not happen twice is guarded by the database.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from redis import Redis

# The number grows with every holder, also after Redis has lost what it held: its clock goes on.
_TAKE = """
if redis.call('EXISTS', KEYS[1]) == 1 then return false end
local time = redis.call('TIME')
local last = tonumber(redis.call('GET', KEYS[2]) or '0')
local fence = string.format('%.0f', math.max(time[1] * 1000000 + time[2], last + 1))
redis.call('SET', KEYS[2], fence)
redis.call('SET', KEYS[1], fence, 'EX', ARGV[1])
return fence
"""
_LET_GO = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
"""


@dataclass(frozen=True)
class Lock:
    """A lock that was taken, by the number that tells its holder from every later one."""

    name: str
    fence: int
    redis: Redis = field(repr=False)

    def holds(self) -> bool:
        """Say whether the lock is still ours: ask before every step that is not to be doubled."""
        return self.redis.get(self.name) == str(self.fence).encode()


@contextmanager
def alone(redis: Redis, name: str, *, seconds: int) -> Iterator[Lock | None]:
    """Hold the lock for the block, at most for `seconds`; None when somebody else has it."""
    fence = redis.eval(_TAKE, 2, name, f"{name}:last", seconds)
    if fence is None:
        yield None
        return
    try:
        yield Lock(name, int(fence), redis)
    finally:
        redis.eval(_LET_GO, 1, name, fence)
