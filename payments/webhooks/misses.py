"""Events whose handling failed: put back at their own expense, or at nobody's."""

from __future__ import annotations

from collections.abc import Sequence

from payments.gateway.errors import GatewayError, OutcomeUnknown, Unavailable
from payments.webhooks import batches
from payments.webhooks.batches import Taken
from payments.webhooks.inbox import fail


def put_back(taken: Sequence[Taken], error: Exception | None) -> None:
    """Let the events come back later: a Stripe that is full or silent is no fault of theirs."""
    if isinstance(error, Unavailable | OutcomeUnknown):
        batches.postpone(taken, _reason(error))
        return
    for event in taken:
        fail(event.id, event.fence, _reason(error))


def is_everybodys(error: Exception | None) -> bool:
    """Say whether every other call to the account would fail as this one did."""
    return isinstance(error, Unavailable)


def _reason(error: Exception | None) -> str:
    what = error.code if isinstance(error, GatewayError) else error
    return f"{type(error).__name__}: {what}"
