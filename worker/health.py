"""What a worker checks about its surroundings when it starts."""

from __future__ import annotations

import logging
from typing import Any

from celery.signals import worker_ready
from redis.exceptions import RedisError

from payments.config import load
from payments.kit.redis_client import make_client

log = logging.getLogger(__name__)

KEEPS_ALL = "noeviction"


@worker_ready.connect
def check_redis(**_options: Any) -> None:
    """Say loudly that Redis may forget messages; the sweep makes up for them, but later."""
    try:
        with make_client(load().redis_url, verify=load().redis_tls_verify) as redis:
            memory: Any = redis.info("memory")
    except RedisError:
        return  # the broker's own connection tells this better, and waits
    policy = memory.get("maxmemory_policy", KEEPS_ALL)
    if policy != KEEPS_ALL:
        log.error("Redis may evict wake-ups: its maxmemory-policy is %s, not %s", policy, KEEPS_ALL)
