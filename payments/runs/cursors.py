"""How far an account's events are known: moved on by a look that saw all, and never back."""

from __future__ import annotations

from datetime import datetime

from payments.kit.db import db
from payments.kit.inserts import inserted
from payments.runs.models import EventCursor


def find(owner: str, mode: str) -> EventCursor | None:
    """Return the account's cursor; None before its first complete look."""
    return db.session.get(EventCursor, (owner, mode))


def move(owner: str, mode: str, *, created: int, event_id: str | None, at: datetime) -> None:
    """Note that everything up to `created` was known at the moment `at`.

    In the caller's transaction. Of two looks the one that saw more stands.
    """
    fresh = EventCursor(owner=owner, mode=mode, created=created, event_id=event_id, checked_at=at)
    if inserted(fresh):
        return
    cursor = db.session.get_one(EventCursor, (owner, mode), with_for_update=True)
    cursor.checked_at = max(cursor.checked_at, at)
    if created > cursor.created:
        cursor.created, cursor.event_id = created, event_id
