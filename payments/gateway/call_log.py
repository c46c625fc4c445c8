"""One log line a call to Stripe; it bears our request's id and Stripe's own."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from payments.kit import clock

log = logging.getLogger(__name__)


@dataclass
class Call:
    """A call under way; without an answer its status stays None."""

    status: int | None = None
    stripe_request_id: str | None = None

    def note_answer(self, status: int, headers: Mapping[str, str]) -> None:
        """Keep what the line tells of the answer. https://docs.stripe.com/api/request_ids"""
        self.status, self.stripe_request_id = status, headers.get("Request-Id")


@contextmanager
def log_call(operation: str) -> Iterator[Call]:
    """Log the block's call: operation, status, how long it took, and Stripe's id of it."""
    call, began = Call(), clock.monotonic()
    try:
        yield call
    finally:
        fields = {
            "operation": operation,
            "status": call.status,
            "duration_ms": clock.count_ms_since(began),
            "stripe_request_id": call.stripe_request_id,
        }
        level = logging.INFO if call.status is not None else logging.WARNING
        log.log(level, "Stripe: %s %s", operation, call.status, extra={"fields": fields})
