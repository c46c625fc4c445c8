"""What the log tells of handling events: a line a batch, and one for an event that fails.

A shape that we do not know comes from a tenant's account, and is tried a dozen times: its stack is
logged at DEBUG, the event's row and timeline keep the reason.
"""

from __future__ import annotations

import logging
import traceback
from collections import Counter
from collections.abc import Sequence

from payments.kit.redaction import redact_line
from payments.kit.traces import describe_error
from payments.webhooks.batches import Taken
from payments.webhooks.models import PLATFORM

log = logging.getLogger(__name__)


def log_batch(taken: Sequence[Taken], *, duration_ms: int) -> None:
    """Log how many events were taken together, how many of them again, and how long they took."""
    owners = Counter("platform" if event.owner == PLATFORM else "projects" for event in taken)
    fields = {
        "events": len(taken),
        **owners,
        "repeated": sum(event.tries > 1 for event in taken),
        "duration_ms": duration_ms,
    }
    log.info("%d events were taken", len(taken), extra={"fields": fields})


def log_fault(taken: Sequence[Taken], error: Exception) -> None:
    """Log in one line, at their first try only, that events could not be handled, and why."""
    names = ", ".join(event.event_id for event in taken[:5])
    log.debug("%s could not be handled", names, exc_info=error)
    if any(event.tries <= 1 for event in taken):
        reason = redact_line(f"{type(error).__name__}: {describe_error(error)}")
        place = traceback.extract_tb(error.__traceback__)[-1]
        fields = {
            "owner": taken[0].owner,
            "events": len(taken),
            "where": f"{place.name}:{place.lineno}",
        }
        log.error("event %s could not be handled: %s", names, reason, extra={"fields": fields})
