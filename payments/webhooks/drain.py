"""Handles the events that wait, so that a poison event, or a failing account, blocks nobody."""

from __future__ import annotations

import json
import logging

from payments.gateway.errors import GatewayError
from payments.kit.db import db
from payments.webhooks import batches, inbox, ledgers, wake
from payments.webhooks.handlers import handle
from payments.webhooks.models import PLATFORM

log = logging.getLogger(__name__)

BATCH = 200


def drain() -> int:
    """Handle up to BATCH waiting events; return how many were taken."""
    wake.heard()
    taken = batches.take(BATCH)
    ledgers.apply([event for event in taken if event.owner != PLATFORM])
    for event in taken:
        if event.owner == PLATFORM:
            _handle(event.id, event.fence, event.event_id, event.payload)
    return len(taken)


def process(row_id: int) -> None:
    """Handle one event of the platform if nobody else does: done, back later, or dead."""
    event = inbox.claim(row_id)
    if event is not None:
        _handle(row_id, event.fence, event.event_id, event.payload)


def _handle(row_id: int, fence: int, event_id: str, payload: str) -> None:
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
