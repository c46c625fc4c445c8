"""Handles the events that wait, so that a poison event, or a failing account, blocks nobody."""

from __future__ import annotations

import json
import logging

from payments.gateway.errors import GatewayError
from payments.kit import clock, steps
from payments.kit.db import db
from payments.webhooks import batches, inbox, ledgers, wake
from payments.webhooks.batches import Taken
from payments.webhooks.handlers import handle
from payments.webhooks.inbox import LEASE_SECONDS
from payments.webhooks.models import PLATFORM

log = logging.getLogger(__name__)

BATCH = 200


def drain() -> int:
    """Handle up to BATCH waiting events; return how many were taken."""
    wake.heard()
    # Whoever still holds an event then stops in good time before its lease runs out.
    deadline = clock.monotonic() + LEASE_SECONDS // 2
    taken = batches.take(BATCH)
    if taken:
        steps.passed("event.taken")
    _platform([event for event in taken if event.owner == PLATFORM], deadline)
    ledgers.apply([event for event in taken if event.owner != PLATFORM], deadline)
    return len(taken)


def _platform(taken: list[Taken], deadline: float) -> None:
    """Handle our own account's events one by one: their handlers commit by themselves."""
    for index, event in enumerate(taken):
        if clock.monotonic() > deadline:
            return batches.put_back(taken[index:])
        _handle(event.id, event.fence, event.event_id, event.payload)
    return None


def process(row_id: int) -> None:
    """Handle one event of the platform if nobody else does: done, back later, or dead."""
    event = inbox.claim(row_id)
    if event is not None:
        _handle(row_id, event.fence, event.event_id, event.payload)


def _handle(row_id: int, fence: int, event_id: str, payload: str) -> None:
    steps.passed("event.applying")
    try:
        handle(json.loads(payload))
    except GatewayError as error:
        db.session.rollback()
        inbox.fail(row_id, fence, f"{type(error).__name__}: {error.code}")
    except Exception as error:  # whatever a shape we do not know breaks: kept, retried, shown
        log.exception("event %s could not be handled", event_id)
        db.session.rollback()
        inbox.fail(row_id, fence, f"{type(error).__name__}: {error}")
    else:
        inbox.finish(row_id, fence)
