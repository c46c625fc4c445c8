"""Wakes the worker for the inbox: one message for however many events came since it last looked."""

from __future__ import annotations

import logging

from redis.exceptions import RedisError

from payments import jobs
from payments.extensions import redis
from payments.kit import steps
from payments.webhooks import inbox

log = logging.getLogger(__name__)

_CALLED = "payments:inbox:called"
# A message that got lost holds up further ones no longer than the sweep would.
_CALLED_SECONDS = 5


def wake() -> None:
    """Call the worker unless a call is under way; call this after the commit.

    Without Redis nothing is lost: the sweep finds the rows.
    """
    steps.passed("event.stored")
    try:
        if redis().set(_CALLED, "1", nx=True, ex=_CALLED_SECONDS) and not jobs.enqueue(
            jobs.DRAIN_INBOX
        ):
            redis().delete(_CALLED)
    except RedisError as error:
        log.warning("could not wake the worker: %s", type(error).__name__)
    steps.passed("event.woken")


def wake_if_any() -> None:
    """Call the worker for events that wait already: the next batch, or what no message woke."""
    if inbox.due(1):
        wake()


def heard() -> None:
    """Let the next event call again: what came before this is seen by the look that follows."""
    try:
        redis().delete(_CALLED)
    except RedisError as error:
        log.warning("could not take a call off: %s", type(error).__name__)
