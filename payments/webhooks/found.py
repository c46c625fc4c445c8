"""Puts events that Stripe lists and the inbox lacks into it: a page at a time, in one statement."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from payments.gateway.event_lists import ListedEvent
from payments.kit.db import db, is_sqlite
from payments.kit.transactions import after_commit, transaction
from payments.webhooks import storage
from payments.webhooks.inbox import new_row
from payments.webhooks.models import FOUND, WebhookEvent
from payments.webhooks.wake import wake


def lacking(owner: str, mode: str, events: Sequence[ListedEvent]) -> set[str]:
    """Return the ids of those that the inbox lacks."""
    ids = {event.id for event in events}
    query = sa.select(WebhookEvent.event_id).where(
        WebhookEvent.owner == owner, WebhookEvent.mode == mode, WebhookEvent.event_id.in_(ids)
    )
    return ids - set(db.session.scalars(query))


def store(owner: str, mode: str, events: Sequence[ListedEvent]) -> set[str]:
    """Keep those that are not there yet, wake the worker for them, and return their ids.

    Their bytes count, but no quota refuses them: Stripe would not deliver them again.
    """
    if not events:
        return set()
    rows = [
        new_row(owner, event.content, event.payload, mode=mode, source=FOUND) for event in events
    ]
    with transaction() as session:
        insert = sqlite.insert if is_sqlite(db.engine) else postgresql.insert
        made = insert(WebhookEvent).values(rows).on_conflict_do_nothing()
        stored = set(session.scalars(made.returning(WebhookEvent.event_id)))
        if stored:
            sizes = (
                storage.measure_payload(event.payload) for event in events if event.id in stored
            )
            storage.add_bytes(owner, sum(sizes))
            after_commit(wake)
    return stored
