"""Handle the events that wait, one by one, so that a poison event blocks nobody."""

from __future__ import annotations

import json
import logging

from payments.gateway.errors import GatewayError
from payments.kit.db import db
from payments.webhooks import inbox
from payments.webhooks.handlers import handle

log = logging.getLogger(__name__)

BATCH = 200


def drain() -> int:
    """Handle up to BATCH waiting events; return how many were taken."""
    rows = inbox.due(BATCH)
    for row_id in rows:
        process(row_id)
    return len(rows)


def process(row_id: int) -> None:
    """Handle one event if nobody else does: done, back later, or dead."""
    event = inbox.claim(row_id)
    if event is None:
        return
    event_id, fence, payload = event.event_id, event.fence, event.payload
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
