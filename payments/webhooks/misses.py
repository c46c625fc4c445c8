"""Events whose handling failed: put back at their own expense, or at nobody's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from payments.gateway.errors import (
    BadCredentials,
    GatewayError,
    OutcomeUnknown,
    Rejected,
    Unavailable,
)
from payments.kit.redaction import redact
from payments.kit.storable import Unstorable
from payments.projects.sync import marks
from payments.projects.sync.record import Foreign
from payments.webhooks import batches
from payments.webhooks.batches import Taken
from payments.webhooks.inbox import fail
from payments.webhooks.notes import finish_with_note

# An object that Stripe does not have may only not have reached all of Stripe yet: it is asked for
# again after these waits, and then counts as gone.
MISSING_WAITS = (timedelta(seconds=20), timedelta(seconds=100))


def put_back(taken: Sequence[Taken], error: Exception | None) -> None:
    """Let the events come back later, or end with a note where no later try could change anything.

    A Stripe that is full or silent is no fault of theirs.
    """
    if isinstance(error, Unavailable | OutcomeUnknown):
        batches.postpone(taken, _reason(error))
    elif isinstance(error, Rejected) and error.is_missing:
        _put_back_missing(taken, error)
    elif isinstance(error, Unstorable):
        finish_with_note(taken, f"It cannot be kept: {error}", tell=True)
    elif isinstance(error, Foreign):
        finish_with_note(taken, marks.FOREIGN, tell=False)
    else:
        for event in taken:
            fail(event.id, event.fence, _reason(error))


def is_last_try(taken: Sequence[Taken]) -> bool:
    """Return whether one of the events has waited often enough for an object to turn up."""
    return any(event.tries > len(MISSING_WAITS) for event in taken)


def describe_gone(error: Rejected) -> str:
    """Say that Stripe does not have an object any more, in its own words."""
    return f"Gone at Stripe: {redact(error.message)}"


def _put_back_missing(taken: Sequence[Taken], error: Rejected) -> None:
    over = [event for event in taken if event.tries > len(MISSING_WAITS)]
    if over:
        finish_with_note(over, describe_gone(error), tell=False)
    for event in taken:
        if event.tries <= len(MISSING_WAITS):
            wait = MISSING_WAITS[event.tries - 1]
            fail(event.id, event.fence, _reason(error), due_in=wait)


def is_everybodys(error: Exception | None) -> bool:
    """Say whether every other call to the account would fail as this one did."""
    return isinstance(error, Unavailable)


def _reason(error: Exception | None) -> str:
    if isinstance(error, GatewayError):
        said = f": {redact(error.message)}" if isinstance(error, Rejected | BadCredentials) else ""
        return f"{type(error).__name__}: {error.code}{said}"
    return f"{type(error).__name__}: {error}"
