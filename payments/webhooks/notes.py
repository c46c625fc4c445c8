"""Events that were handled and changed nothing: a note says why, and so may the timeline."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from redis.exceptions import RedisError

from payments.extensions import redis
from payments.kit import crypto
from payments.kit.storable import clean_text
from payments.kit.transactions import transaction
from payments.timeline.append import append
from payments.webhooks import batches
from payments.webhooks.batches import Taken
from payments.webhooks.models import PLATFORM

log = logging.getLogger(__name__)

_LONGEST = 500
_TOLD = "payments:webhooks:told:"
# The timeline tells of a mistake once a day, not of every event that it concerns.
_TOLD_SECONDS = 24 * 3600


def finish_with_note(taken: Sequence[Taken], note: str, *, tell: bool) -> None:
    """Mark events as handled by a note; `tell` their project's timeline as well, once a day."""
    with transaction():
        held = batches.hold(taken)
        batches.finish(held, note=note[:_LONGEST])
        if tell and held and held[0].owner != PLATFORM and _is_first(held[0], note):
            _append(held[0], note)
    # What is to be expected, such as another project's events, is no warning.
    log.log(logging.WARNING if tell else logging.INFO, "%d events: %s", len(held), note)


def _append(event: Taken, note: str) -> None:
    append(
        "event.without_effect",
        actor=f"event:{event.event_id}",
        subject=f"event:{event.id}",
        project_id=event.owner,
        stripe_id=event.event_id,
        mode=event.mode,
        reason=clean_text(note, _LONGEST),
    )


def _is_first(event: Taken, note: str) -> bool:
    """Return whether nobody has told this of the project today; without Redis it is told again."""
    digest = crypto.digest(f"{event.owner}:{event.mode}:{note}")[:24]
    try:
        return bool(redis().set(_TOLD + digest, "1", nx=True, ex=_TOLD_SECONDS))
    except RedisError:
        return True
