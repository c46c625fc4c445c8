"""Deletes entries whose time is over; nothing else ever takes one away."""

from __future__ import annotations

from datetime import timedelta

from payments.extensions import settings
from payments.kit import clock
from payments.kit.pruning import delete_oldest
from payments.timeline.models import TimelineEntry


def prune_timeline(limit: int) -> int:
    """Delete up to `limit` entries from before TIMELINE_RETENTION_DAYS; return how many."""
    before = clock.now() - timedelta(days=settings().timeline_retention_days)
    return delete_oldest(TimelineEntry, TimelineEntry.at, before=before, limit=limit)
