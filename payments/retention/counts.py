"""How many rows were pruned, over all processes; without Redis nothing is counted."""

from __future__ import annotations

import logging
from typing import Any

from redis.exceptions import RedisError

from payments.extensions import redis

log = logging.getLogger(__name__)

_KEY = "payments:retention:pruned"


def count_pruned(table: str, rows: int) -> None:
    """Add to what was pruned of a table."""
    if not rows:
        return
    log.info("%d rows of %s were pruned", rows, table)
    try:
        redis().hincrby(_KEY, table, rows)
    except RedisError as missing:
        log.warning("pruned rows were not counted: %s", type(missing).__name__)


def read_pruned(tables: tuple[str, ...]) -> dict[str, int]:
    """Return how many rows were pruned, by table; nothing without Redis."""
    try:
        held: Any = redis().hgetall(_KEY)
    except RedisError:
        return {}
    return {table: int(held.get(table.encode(), 0)) for table in tables}
