"""Waits for Stripe's answer that end early when the process has to go.

A worker waits longer for an answer than a host waits between SIGTERM and SIGKILL.
https://devcenter.heroku.com/articles/dyno-shutdown-behavior
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

# Of the thirty seconds that Heroku gives: the rows still have to be put back.
GRACE_SECONDS = 10
# A call that is begun later than that is given no longer than this.
_LAST_SECONDS = 1

_is_waiting = False


@contextmanager
def interruptible_wait() -> Iterator[None]:
    """Let the block, a call to Stripe, be ended by `end_waits_soon`."""
    global _is_waiting  # noqa: PLW0603 - signals come to the one main thread
    _is_waiting = True
    try:
        yield
    finally:
        _is_waiting = False


def end_waits_soon(*_signal: object) -> None:
    """Give calls to Stripe `GRACE_SECONDS` more: the handler of SIGTERM in a worker's process."""
    signal.signal(signal.SIGALRM, _end_wait)
    signal.setitimer(signal.ITIMER_REAL, GRACE_SECONDS, _LAST_SECONDS)


def _end_wait(*_signal: object) -> None:
    if _is_waiting:
        # What a socket raises by itself: the outcome is unknown, or the call never left.
        raise TimeoutError("the process has to go")
