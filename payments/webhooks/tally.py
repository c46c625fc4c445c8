"""How many deliveries were refused, and why: over all processes, for whoever watches `/metrics`.

A clock that is wrong refuses every event, and Stripe gives up after three days: that must be seen.
Best effort: without Redis nothing is counted, the delivery is refused all the same.
"""

from __future__ import annotations

import logging
from typing import Any

from redis.exceptions import RedisError

from payments.extensions import redis
from payments.gateway.webhooks import REASONS, BadEvent, BadSignature
from payments.webhooks.deliveries import QuotaUsedUp

log = logging.getLogger(__name__)

_KEY = "payments:webhooks:refused"


def refuse(error: BadSignature | BadEvent | QuotaUsedUp) -> None:
    """Count a refused delivery and say why it was refused."""
    log.warning("an event was refused: %s", error)
    try:
        redis().hincrby(_KEY, error.reason, 1)
    except RedisError as missing:
        log.warning("a refused event was not counted: %s", type(missing).__name__)


def refused() -> dict[str, int]:
    """Return how many deliveries were refused, by reason; nothing without Redis."""
    try:
        held: Any = redis().hgetall(_KEY)
    except RedisError:
        return {}
    return {reason: int(held.get(reason.encode(), 0)) for reason in (*REASONS, QuotaUsedUp.reason)}
