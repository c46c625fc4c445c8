"""Deletes entries whose time is over; nothing else ever takes one away."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from payments.extensions import settings
from payments.kit import clock
from payments.kit.db import is_sqlite
from payments.kit.pruning import delete_oldest
from payments.timeline.models import TimelineEntry


def prune_timeline(limit: int) -> int:
    """Delete up to `limit` entries from before TIMELINE_RETENTION_DAYS; return how many."""
    before = clock.now() - timedelta(days=settings().timeline_retention_days)
    return delete_oldest(
        TimelineEntry, TimelineEntry.at, before=before, limit=limit, prepare=_announce_pruning
    )


def _announce_pruning(session: Session) -> None:
    """Tell PostgreSQL's trigger that this transaction prunes: it refuses every other deletion.

    What is younger than 30 days, a day less than the least TIMELINE_RETENTION_DAYS, is refused all
    the same, on SQLite as well. https://www.postgresql.org/docs/current/runtime-config-custom.html
    """
    if not is_sqlite(session.connection()):
        session.execute(sa.text("SET LOCAL payments.pruning = 'on'"))
