"""Look-ups of the projects room; every one of a tenant's rows is scoped by its project or owner."""

from __future__ import annotations

import sqlalchemy as sa

from payments.kit.db import db
from payments.projects.models import Project, StripeConfig, StripeCredentials


def find_project(project_id: str) -> Project | None:
    """Return the project of that id, whoever owns it: the guard tells foreign from missing."""
    return db.session.get(Project, project_id)


def lock_project(project_id: str) -> Project:
    """Return the project; nobody else changes it or its keys until the transaction ends."""
    query = sa.select(Project).where(Project.id == project_id).with_for_update()
    return db.session.scalars(query).one()


def find_config(project_id: str) -> StripeConfig | None:
    """Return the project's configuration, active or not."""
    query = sa.select(StripeConfig).where(StripeConfig.project_id == project_id)
    return db.session.scalars(query).one_or_none()


def find_credentials(project_id: str, mode: str) -> StripeCredentials | None:
    """Return the keys of one mode of the project."""
    query = sa.select(StripeCredentials).where(
        StripeCredentials.project_id == project_id, StripeCredentials.mode == mode
    )
    return db.session.scalars(query).one_or_none()


def list_credentials(project_id: str) -> list[StripeCredentials]:
    """Return the keys of all modes of the project."""
    query = sa.select(StripeCredentials).where(StripeCredentials.project_id == project_id)
    return list(db.session.scalars(query.order_by(StripeCredentials.mode)))


def find_usable_credentials(project_id: str, mode: str) -> StripeCredentials | None:
    """Return the keys of one mode, unless the project or its configuration is switched off."""
    query = (
        sa.select(StripeCredentials)
        .join(StripeConfig, StripeConfig.project_id == StripeCredentials.project_id)
        .join(Project, Project.id == StripeCredentials.project_id)
        .where(
            StripeCredentials.project_id == project_id,
            StripeCredentials.mode == mode,
            StripeConfig.is_active,
            Project.is_active,
        )
    )
    return db.session.scalars(query).one_or_none()
