"""A developer's projects: made, changed, and switched off without losing a row."""

from __future__ import annotations

from typing import Any

from payments.auth.models import User
from payments.kit.transactions import after_commit, transaction
from payments.projects import credentials, queries
from payments.projects.models import Project
from payments.timeline.append import append


def create(owner: User, **values: Any) -> Project:
    """Make a project of this developer's."""
    owner_id = owner.id
    with transaction() as session:
        project = Project(owner_id=owner_id, **values)
        session.add(project)
        session.flush()
        _tell("project.created", project)
    return project


def update(project: Project, **values: Any) -> Project:
    """Change what is given and nothing else."""
    project_id = project.id
    with transaction():
        held = queries.lock_project(project_id)
        changed = sorted(name for name in values if getattr(held, name) != values[name])
        for name in changed:
            setattr(held, name, values[name])
        if changed:
            _tell("project.updated", held, fields=changed)
    return held


def delete(project: Project) -> None:
    """Switch the project off: its rows stay, nobody reaches them through it any more."""
    project_id = project.id
    with transaction():
        held = queries.lock_project(project_id)
        held.is_active = False
        _tell("project.deleted", held)
        after_commit(lambda: credentials.forget(project_id))


def _tell(kind: str, project: Project, **data: Any) -> None:
    append(
        kind,
        actor=f"user:{project.owner_id}",
        subject=f"project:{project.id}",
        project_id=project.id,
        **data,
    )
