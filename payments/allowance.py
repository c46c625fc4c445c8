"""Tells callers of the projects room how many requests they have left, and until when."""

from __future__ import annotations

import logging
import sys

from flask import Flask, Response, request
from limits.errors import StorageError
from redis.exceptions import RedisError

from payments.dialects import PROJECTS
from payments.extensions import limiter

log = logging.getLogger(__name__)

_OF_STORE = (RedisError, StorageError, OSError)
# Stripe reads no headers, and each look costs a round trip to Redis.
_UNTOLD = f"{PROJECTS}payments/stripe/webhooks/"


def register(app: Flask) -> None:
    """Write the headers by hand: the limiter's own would put a Retry-After on every answer."""
    app.after_request(_tell)
    limiter.logger.addFilter(_correct_alarm)


def _correct_alarm(record: logging.LogRecord) -> bool:
    """Let the limiter blame its store only for what the store did.

    It calls the store unreachable whatever went wrong while it counted a request.
    """
    error = sys.exc_info()[1]
    if "storage unreachable" in str(record.msg) and not isinstance(error, _OF_STORE):
        record.msg = "a request was not counted as it should be: %s"
        record.args = (type(error).__name__,)
    return True


def _tell(answer: Response) -> Response:
    told = request.path.startswith(PROJECTS) and not request.path.startswith(_UNTOLD)
    # A limit on what is refused tells nobody how many requests they have left.
    refusals = limiter.context.conditional_deductions.values()
    limits = [held for held in limiter.current_limits if held.request_args not in refusals]
    if not told or not limits:
        return answer
    try:
        limit = min(limits, key=lambda held: held.remaining)
        remaining, reset_at = limit.remaining, limit.reset_at
    except (RedisError, StorageError) as error:  # counting is a courtesy
        log.warning("the rate limit could not be told: %s", type(error).__name__)
        return answer
    answer.headers["X-RateLimit-Limit"] = str(limit.limit.amount)
    answer.headers["X-RateLimit-Remaining"] = str(max(remaining, 0))
    answer.headers["X-RateLimit-Reset"] = str(reset_at)
    return answer
