"""Keys of a project's servers: shown once, kept as a hash, revoked for good."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa

from payments.kit import clock
from payments.kit.crypto import digest
from payments.kit.db import db
from payments.kit.security_log import SUCCEEDED, log_security_event
from payments.kit.transactions import after_commit, transaction
from payments.projects import errors, queries, rosters
from payments.projects.models import Project, ProjectKey
from payments.timeline.append import append

MOST_ACTIVE = 10
_PREFIX, _PREFIX_SHOWN = "ak_", 8

# A busy key would otherwise write its row with every request.
_USE_NOTED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True)
class NewKey:
    """A key that was just made: the only time that it is there in full."""

    id: str
    name: str | None
    key: str = field(repr=False)
    key_prefix: str
    is_active: bool
    created_at: datetime


def create(project: Project, *, name: str | None) -> NewKey:
    """Make a key; TooManyKeys when the project has its ten."""
    project_id, user_id = project.id, project.owner_id
    key = _PREFIX + secrets.token_urlsafe(24)
    with transaction():
        queries.lock_project(project_id)
        if rosters.count_active_keys(project_id) >= MOST_ACTIVE:
            raise errors.TooManyKeys
        row = ProjectKey(
            project_id=project_id, name=name, key_hash=digest(key), key_prefix=key[:_PREFIX_SHOWN]
        )
        db.session.add(row)
        db.session.flush()
        _tell("project_key.created", row, user_id)
        return NewKey(row.id, row.name, key, row.key_prefix, row.is_active, row.created_at)


def revoke(project: Project, key_id: str) -> None:
    """End a key for good; KeyNotFound when the project has no such active key."""
    project_id, user_id = project.id, project.owner_id
    with transaction():
        queries.lock_project(project_id)
        row = rosters.find_key(project_id, key_id)
        if row is None or not row.is_active:
            raise errors.KeyNotFound
        row.is_active = False
        _tell("project_key.revoked", row, user_id)


class UsedKey(NamedTuple):
    """An active key that came with a request."""

    id: str
    project_id: str


def recognize_key(key: str) -> UsedKey | None:
    """Return whose active key this is, and note that it was used; None for any other text."""
    row = rosters.find_key_by_hash(digest(key))
    if row is None:
        return None
    used_key, used = UsedKey(row.id, row.project_id), row.last_used_at
    if used is None or used <= clock.now() - _USE_NOTED_EVERY:
        _note_use(used_key.id)
    return used_key


def _note_use(key_id: str) -> None:
    with transaction() as session:
        session.execute(
            sa.update(ProjectKey).where(ProjectKey.id == key_id).values(last_used_at=clock.now())
        )


def _tell(kind: str, row: ProjectKey, user_id: int) -> None:
    facts = {"project": row.project_id, "user": user_id, "key": row.id}
    after_commit(lambda: log_security_event(kind, SUCCEEDED, **facts))
    append(
        kind,
        actor=f"user:{user_id}",
        subject=f"project_key:{row.id}",
        project_id=row.project_id,
        prefix=row.key_prefix,
    )
