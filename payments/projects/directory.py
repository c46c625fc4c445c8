"""A developer's projects: made, changed, and switched off without losing a row."""

from __future__ import annotations

from typing import Any
from uuid import NAMESPACE_OID, uuid5

from payments.auth.models import User
from payments.extensions import settings
from payments.idempotency.replay import request_key
from payments.kit.inserts import inserted
from payments.kit.transactions import after_commit, transaction
from payments.projects import credentials, key_destruction, queries
from payments.projects.models import Project
from payments.projects.models.projects import new_uuid
from payments.timeline.append import append


def create(owner: User, **values: Any) -> Project:
    """Make a project of this developer's; a repeated request finds the one it made before."""
    owner_id, project_id = owner.id, _id_for(owner)
    with transaction() as session:
        project = Project(id=project_id, owner_id=owner_id, **values)
        if not inserted(project):
            return session.get_one(Project, project_id)
        _tell("project.created", project)
    return project


def _id_for(owner: User) -> str:
    request = request_key()
    return str(uuid5(NAMESPACE_OID, f"{owner.uuid} {request}")) if request else new_uuid()


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


def delete(project: Project, *, destroys_keys: bool = False) -> None:
    """Switch the project off: its rows stay, nobody reaches them through it any more.

    Its Stripe keys are destroyed after KEY_DESTRUCTION_DAYS or, if wanted, at once.
    """
    project_id = project.id
    with transaction():
        held = queries.lock_project(project_id)
        held.is_active = False
        grace = None if destroys_keys else settings().key_destruction_days
        _tell("project.deleted", held, keys_destroyed_in_days=grace)
        if destroys_keys:
            key_destruction.destroy_keys(project_id, actor=f"user:{held.owner_id}")
        else:
            key_destruction.schedule_destruction(project_id)
        after_commit(lambda: credentials.forget(project_id))


def _tell(kind: str, project: Project, **data: Any) -> None:
    append(
        kind,
        actor=f"user:{project.owner_id}",
        subject=f"project:{project.id}",
        project_id=project.id,
        **data,
    )
