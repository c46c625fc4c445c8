"""Lists of what a developer has: projects, keys, end users."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from payments.auth.models import END_USER, User
from payments.kit.db import db
from payments.projects.models import Project, ProjectKey

# Beyond this no table has rows, and no database takes the offset.
_LARGEST_OFFSET = 2**62


def projects_of(owner_id: int) -> list[Project]:
    """Return a developer's projects that still stand, the newest first."""
    query = sa.select(Project).where(Project.owner_id == owner_id, Project.is_active)
    return list(db.session.scalars(query.order_by(Project.created_at.desc(), Project.id)))


def keys_of(project_id: str) -> list[ProjectKey]:
    """Return the project's API keys, the newest first."""
    query = sa.select(ProjectKey).where(ProjectKey.project_id == project_id)
    return list(db.session.scalars(query.order_by(ProjectKey.created_at.desc(), ProjectKey.id)))


def count_active_keys(project_id: str) -> int:
    query = sa.select(sa.func.count()).where(
        ProjectKey.project_id == project_id, ProjectKey.is_active
    )
    return int(db.session.scalar(query) or 0)


def find_key(project_id: str, key_id: str) -> ProjectKey | None:
    """Return an API key of this project by its id."""
    query = sa.select(ProjectKey).where(
        ProjectKey.project_id == project_id, ProjectKey.id == key_id
    )
    return db.session.scalars(query).one_or_none()


def find_key_by_hash(key_hash: str) -> ProjectKey | None:
    """Return the active key of that hash, of a project that still stands."""
    query = (
        sa.select(ProjectKey)
        .join(Project, Project.id == ProjectKey.project_id)
        .where(ProjectKey.key_hash == key_hash, ProjectKey.is_active, Project.is_active)
    )
    return db.session.scalars(query).one_or_none()


def people_of(project: Project, user_ids: set[int]) -> list[User]:
    """Return those of the users that the project's developer knows: he, and its end users."""
    ours = sa.or_(User.project_id == project.id, User.id == project.owner_id)
    return list(db.session.scalars(sa.select(User).where(User.id.in_(user_ids), ours)))


def end_users_page(
    project_id: str, *, search: str | None, is_active: bool | None, page: int, page_size: int
) -> dict[str, Any]:
    """Return one page of the project's end users, the newest first."""
    query = sa.select(User).where(User.project_id == project_id, User.kind == END_USER)
    if search:
        query = query.where(
            sa.or_(
                User.email.icontains(search, autoescape=True),
                User.name.icontains(search, autoescape=True),
            )
        )
    if is_active is not None:
        query = query.where(User.is_active == is_active)
    total = db.session.scalar(sa.select(sa.func.count()).select_from(query.subquery()))
    offset = min((page - 1) * page_size, _LARGEST_OFFSET)
    rows = query.order_by(User.created_at.desc(), User.id.desc()).limit(page_size).offset(offset)
    users = list(db.session.scalars(rows))
    return {"users": users, "total": total or 0, "page": page, "page_size": page_size}
