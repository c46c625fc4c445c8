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
from payments.webhooks.models import DROPPABLE, WebhookEvent


def drop_payloads(limit: int) -> int:
    """Drop up to `limit` payloads of events handled EVENT_RETENTION_DAYS ago; return how many."""
    before = clock.now() - timedelta(days=settings().event_retention_days)
    over = sa.select(WebhookEvent.id).where(DROPPABLE, WebhookEvent.processed_at < before)
    # What somebody replays at this moment is left alone.
    batch = over.order_by(WebhookEvent.processed_at).limit(limit).with_for_update(skip_locked=True)
    with transaction() as session:
        ids = list(session.scalars(batch))
        dropped = sa.update(WebhookEvent).where(WebhookEvent.id.in_(ids)).values(payload=None)
        session.execute(dropped.execution_options(synchronize_session=False))
    return len(ids)


def find_oldest_payload() -> datetime | None:
    """Return when the event was handled whose payload is the oldest that may be dropped."""
    oldest = sa.func.min(WebhookEvent.processed_at, type_=WebhookEvent.processed_at.type)
    found: datetime | None = db.session.scalar(sa.select(oldest).where(DROPPABLE))
    return found
