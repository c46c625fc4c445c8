"""Drops what handled events carried: it names people, and nobody reads it again after a while.

The row stays, for as long as Stripe might deliver or list the event once more, and after it.
Events that are dead keep their payload until somebody has replayed them.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from payments.extensions import settings
from payments.kit import clock
from payments.kit.db import db
from payments.kit.transactions import transaction
from payments.webhooks import storage
from payments.webhooks.models import DROPPABLE, WebhookEvent


def drop_payloads(limit: int) -> int:
    """Drop up to `limit` payloads of events handled EVENT_RETENTION_DAYS ago; return how many."""
    before = clock.now() - timedelta(days=settings().event_retention_days)
    over = sa.select(WebhookEvent.id).where(DROPPABLE, WebhookEvent.processed_at < before)
    # What somebody replays at this moment is left alone.
    batch = over.order_by(WebhookEvent.processed_at).limit(limit).with_for_update(skip_locked=True)
    with transaction() as session:
        ids = list(session.scalars(batch))
        storage.drop_payloads_of(ids)
    return len(ids)


def drop_payloads_over_quota(limit: int) -> int:
    """Drop up to `limit` payloads of projects that have nearly used up their quota.

    The oldest of events that were handled go first, until a tenth of the quota is free: without
    that, a project would have to wait for its retention before it can take events again.
    """
    quota = storage.get_quota("any project")
    if quota is None:
        return 0
    most, dropped = quota * 9 // 10, 0
    for owner, held in storage.list_owners_beyond(most + 1):
        dropped += _drop_oldest_payloads(owner, held - most, limit - dropped)
        if dropped == limit:
            break
    return dropped


def _drop_oldest_payloads(owner: str, excess: int, limit: int) -> int:
    """Drop the owner's oldest payloads of handled events until `excess` bytes are gone."""
    query = sa.select(WebhookEvent.id, storage.measure_in_database())
    query = query.where(WebhookEvent.owner == owner, DROPPABLE).order_by(WebhookEvent.id)
    with transaction() as session:
        ids = []
        rows = session.execute(query.limit(limit).with_for_update(skip_locked=True))
        for row_id, size in rows:
            if excess <= 0:
                break
            ids.append(row_id)
            excess -= size
        storage.drop_payloads_of(ids)
    return len(ids)


def find_oldest_payload() -> datetime | None:
    """Return when the event was handled whose payload is the oldest that may be dropped."""
    oldest = sa.func.min(WebhookEvent.processed_at, type_=WebhookEvent.processed_at.type)
    found: datetime | None = db.session.scalar(sa.select(oldest).where(DROPPABLE))
    return found
