"""Read one tenant's entries, the newest first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from payments.kit.db import db
from payments.timeline.models import TimelineEntry

# Beyond this no table has rows, and no database takes the offset.
_LARGEST_OFFSET = 2**62


@dataclass(frozen=True)
class Wish:
    """Which entries: of one object, of kinds that begin so, from a moment on and before another.

    `mode` (test or live) leaves out what belongs to neither, such as a project's name.
    """

    subject: str | None = None
    kind: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    mode: str | None = None


def of_workspace(
    workspace_id: int, wish: Wish, *, page: int, limit: int
) -> tuple[list[TimelineEntry], int]:
    """Return a page of a workspace's entries, and how many there are in all."""
    return _page([TimelineEntry.workspace_id == workspace_id, *_wanted(wish)], page, limit)


def of_project(
    project_id: str, wish: Wish, *, page: int, limit: int
) -> tuple[list[TimelineEntry], int]:
    """Return a page of a project's entries, and how many there are in all."""
    return _page([TimelineEntry.project_id == project_id, *_wanted(wish)], page, limit)


def list_entries_of_user(user_id: int) -> list[TimelineEntry]:
    """Return what a user did, and what happened to them, the oldest first."""
    entry, name = TimelineEntry, f"user:{user_id}"
    query = sa.select(entry).where(sa.or_(entry.actor == name, entry.subject == name))
    return list(db.session.scalars(query.order_by(entry.id)))


def _wanted(wish: Wish) -> Iterator[sa.ColumnElement[bool]]:
    entry = TimelineEntry
    if wish.subject is not None:
        yield entry.subject == wish.subject
    if wish.kind is not None:
        yield entry.kind.startswith(wish.kind, autoescape=True)
    if wish.since is not None:
        yield entry.at >= wish.since
    if wish.until is not None:
        yield entry.at < wish.until
    if wish.mode is not None:
        yield entry.data["mode"].as_string() == wish.mode


def _page(
    where: list[sa.ColumnElement[bool]], page: int, limit: int
) -> tuple[list[TimelineEntry], int]:
    total = db.session.scalar(sa.select(sa.func.count()).select_from(TimelineEntry).where(*where))
    query = sa.select(TimelineEntry).where(*where).order_by(TimelineEntry.id.desc())
    offset = min((page - 1) * limit, _LARGEST_OFFSET)
    return list(db.session.scalars(query.limit(limit).offset(offset))), total or 0
