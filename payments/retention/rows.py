"""Deletes rows that are older than their time, the oldest first.

Rows are numbered in the order in which they were made: a batch looks at the lowest numbers only,
so that finding nothing costs next to nothing and no index is needed.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from payments.extensions import settings
from payments.kit import clock
from payments.kit.transactions import transaction
from payments.projects.models import CheckoutSession
from payments.timeline.models import TimelineEntry


def prune_timeline(limit: int) -> int:
    """Delete up to `limit` entries from before TIMELINE_RETENTION_DAYS; return how many."""
    return _prune(TimelineEntry, TimelineEntry.at, settings().timeline_retention_days, limit)


def prune_sessions(limit: int) -> int:
    """Delete up to `limit` Checkout sessions from before SESSION_RETENTION_DAYS; return how many.

    They are over by then: Stripe lets a session live for a day at most.
    https://docs.stripe.com/api/checkout/sessions/create#create_checkout_session-expires_at
    """
    made = CheckoutSession.created_at
    return _prune(CheckoutSession, made, settings().session_retention_days, limit)


def _prune(model: Any, made: Any, days: int, limit: int) -> int:
    before: datetime = clock.now() - timedelta(days=days)
    lowest = sa.select(model.id, made).order_by(model.id).limit(limit)
    with transaction() as session:
        ids = [row_id for row_id, moment in session.execute(lowest) if moment < before]
        gone = sa.delete(model).where(model.id.in_(ids))
        session.execute(gone.execution_options(synchronize_session=False))
    return len(ids)
