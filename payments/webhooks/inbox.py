"""The inbox: an event is stored once, claimed by one worker, and handled until it is done."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from payments.kit import clock, leases, steps
from payments.kit.db import db
from payments.kit.redaction import redact_line
from payments.kit.repeat import repeated
from payments.kit.transactions import transaction
from payments.webhooks.deliveries import store_delivery
from payments.webhooks.envelope import is_live, read_created, read_version
from payments.webhooks.models import (
    DEAD,
    DELIVERED,
    FAILED,
    PROCESSED,
    RECEIVED,
    WAITS,
    WebhookEvent,
)

log = logging.getLogger(__name__)

LEASE_SECONDS = 60
MOST_TRIES = 12


def store(owner: str, event: dict[str, Any], payload: str, *, mode: str | None = None) -> bool:
    """Keep a verified event; False when it was there already. One round trip to the database.

    `mode` is that of the address it came to; without one it is the event's own. Raise QuotaUsedUp
    for an event that does not fit any more and must be delivered again.
    """
    return store_delivery(new_row(owner, event, payload, mode=mode))


def new_row(
    owner: str,
    event: dict[str, Any],
    payload: str,
    *,
    mode: str | None = None,
    source: str = DELIVERED,
) -> dict[str, Any]:
    """Return the columns of an event that waits to be handled for the first time."""
    return {
        "owner": owner,
        "mode": mode or ("live" if is_live(event) else "test"),
        "event_id": event["id"][:255],
        "type": event["type"][:100],
        "api_version": read_version(event),
        "created": read_created(event),
        "payload": payload,
        "state": RECEIVED,
        "received_at": clock.now(),
        "tries": 0,
        "fence": 0,
        "throttled": 0,
        "source": source,
    }


def due(limit: int) -> list[int]:
    """Return the ids of events that wait for a worker, the longest waiting first."""
    return list(db.session.scalars(waiting().limit(limit)))


def waiting() -> sa.Select[int]:
    """Select the ids of free events whose time has come, the longest waiting first."""
    free = leases.free(WebhookEvent)
    return sa.select(WebhookEvent.id).where(WAITS, free).order_by(WebhookEvent.due_at)


@repeated
def finish(row_id: int, fence: int) -> None:
    """Mark an event as handled, by whoever holds it still."""
    with transaction():
        event = _held(row_id, fence)
        if event is None:
            return
        event.state, event.processed_at, event.last_error = PROCESSED, clock.now(), None
        leases.release(event)
        steps.passed("event.finishing")
    steps.passed("event.finished")


@repeated
def fail(row_id: int, fence: int, reason: str, *, due_in: timedelta | None = None) -> None:
    """Put an event back with a growing wait; after MOST_TRIES it is dead until replayed.

    `due_in` is another wait than the usual one.
    """
    with transaction():
        event = _held(row_id, fence)
        if event is None:
            return
        event.state = DEAD if event.tries >= MOST_TRIES else FAILED
        event.last_error = told(reason)
        leases.release(event, due_in=due_in or leases.backoff(event.tries))
    if event.state == DEAD:
        log.error("event %s is dead: %s", event.event_id, reason)


def told(reason: str) -> str:
    """Return what the row keeps of a reason: one line, without secrets."""
    return redact_line(reason)


def _held(row_id: int, fence: int) -> WebhookEvent | None:
    """Return the event unless another worker has claimed it since: his word is the newer one."""
    query = sa.select(WebhookEvent).where(WebhookEvent.id == row_id, WebhookEvent.fence == fence)
    return db.session.scalars(query.with_for_update()).one_or_none()


def find(owner: str, event_id: str) -> WebhookEvent | None:
    """Return an event of this owner by Stripe's id."""
    query = sa.select(WebhookEvent).where(
        WebhookEvent.owner == owner, WebhookEvent.event_id == event_id
    )
    return db.session.scalars(query).one_or_none()
