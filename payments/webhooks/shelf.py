"""Looking into the inbox from outside: lists, one event, and the wish to have it handled again."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from payments.kit import leases
from payments.kit.db import db
from payments.kit.errors import Conflict
from payments.kit.transactions import after_commit, transaction
from payments.timeline.append import append
from payments.webhooks.models import PLATFORM, RECEIVED, WebhookEvent
from payments.webhooks.wake import wake

# Beyond this no table has rows, and no database takes the offset.
_LARGEST_OFFSET = 2**62


def page(
    owner: str | None,
    *,
    state: str | None = None,
    type: str | None = None,
    test_mode: bool | None = None,
    page: int = 1,
    page_size: int = 50,
) -> tuple[list[WebhookEvent], int]:
    """Return a page of an owner's events (of everybody's without one), the newest first."""
    wanted = {"owner": owner, "state": state, "type": type, "mode": _MODES[test_mode]}
    where = [getattr(WebhookEvent, name) == value for name, value in wanted.items() if value]
    total = db.session.scalar(sa.select(sa.func.count()).select_from(WebhookEvent).where(*where))
    query = sa.select(WebhookEvent).where(*where).order_by(WebhookEvent.id.desc())
    offset = min((page - 1) * page_size, _LARGEST_OFFSET)
    return list(db.session.scalars(query.limit(page_size).offset(offset))), total or 0


_MODES = {None: None, True: "test", False: "live"}


def ids(owner: str | None, state: str) -> list[int]:
    """Return the rows of all events in a state, the oldest first."""
    query = sa.select(WebhookEvent.id).where(WebhookEvent.state == state)
    if owner is not None:
        query = query.where(WebhookEvent.owner == owner)
    return list(db.session.scalars(query.order_by(WebhookEvent.id)))


def find(owner: str | None, event_id: str) -> WebhookEvent | None:
    """Return the owner's event of that id, the newest of several."""
    if not event_id.isprintable():
        return None
    query = sa.select(WebhookEvent).where(WebhookEvent.event_id == event_id)
    if owner is not None:
        query = query.where(WebhookEvent.owner == owner)
    return db.session.scalars(query.order_by(WebhookEvent.id.desc()).limit(1)).first()


class PayloadDropped(Conflict):
    """An event cannot be handled again once its payload is gone."""

    sentence = "The event's payload is no longer stored: it cannot be replayed"


def replay(row_id: int, *, actor: str) -> WebhookEvent:
    """Put an event back as if it had just come; whoever handles it at this moment loses it.

    Raise PayloadDropped when there is nothing left to handle.
    """
    with transaction():
        event = db.session.get_one(WebhookEvent, row_id, with_for_update=True)
        if event.payload is None:
            raise PayloadDropped
        event.state, event.tries, event.due_at = RECEIVED, 0, leases.moment_in()
        event.fence, event.leased_until = event.fence + 1, None
        event.last_error, event.processed_at, event.note = None, None, None
        append("event.replayed", actor=actor, subject=f"event:{row_id}", **_of(event))
        after_commit(wake)
        # As it was put back: a worker may be done with it before the answer is written.
        db.session.flush()
        db.session.refresh(event)
        db.session.expunge(event)
    return event


def _of(event: WebhookEvent) -> dict[str, Any]:
    project = None if event.owner == PLATFORM else event.owner
    return {"project_id": project, "stripe_id": event.event_id, "mode": event.mode}
