"""Look-ups of who belongs where: memberships, owners, slugs that are taken."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import contains_eager, joinedload

from payments.auth.models import User
from payments.kit.db import db
from payments.workspaces.models import Membership, PricingPlan, Workspace
from payments.workspaces.models.workspaces import OWNER


def seats_of(user_id: int) -> list[Membership]:
    """Return the user's memberships of active workspaces, each with its workspace."""
    query = (
        sa.select(Membership)
        .join(Membership.workspace)
        .options(contains_eager(Membership.workspace))
        .where(Membership.user_id == user_id, Workspace.is_active)
        .order_by(Workspace.id)
    )
    return list(db.session.scalars(query))


def members_of(workspace_id: int) -> list[Membership]:
    """Return the workspace's memberships, each with its user; the longest there come first."""
    query = (
        sa.select(Membership)
        .options(joinedload(Membership.user))
        .where(Membership.workspace_id == workspace_id)
        .order_by(Membership.joined_at, Membership.user_id)
    )
    return list(db.session.scalars(query))


def members_among(workspace_id: int, user_ids: set[int]) -> list[User]:
    """Return those of the users that are members of the workspace."""
    query = sa.select(User).join(Membership, Membership.user_id == User.id)
    ours = query.where(Membership.workspace_id == workspace_id, User.id.in_(user_ids))
    return list(db.session.scalars(ours))


def find_seat(workspace_id: int, user_id: int) -> Membership | None:
    """Return the membership of that user in that workspace, None for an outsider."""
    query = sa.select(Membership).where(
        Membership.workspace_id == workspace_id, Membership.user_id == user_id
    )
    return db.session.scalars(query.execution_options(populate_existing=True)).one_or_none()


def get_seat(workspace_id: int, user_id: int) -> Membership:
    """Return the membership of somebody who was just let in."""
    return db.session.get_one(Membership, (workspace_id, user_id))


def count_owners(workspace_id: int) -> int:
    """Count the owners; hold the workspace's lock when something depends on the answer."""
    query = sa.select(sa.func.count()).where(
        Membership.workspace_id == workspace_id, Membership.role == OWNER
    )
    return db.session.scalars(query).one()


def taken_slugs(slugs: list[str]) -> set[str]:
    """Return those of the slugs that some workspace has, active or not."""
    return set(db.session.scalars(sa.select(Workspace.slug).where(Workspace.slug.in_(slugs))))


def find_free_plan() -> PricingPlan | None:
    """Return the lowest active plan that costs nothing: new workspaces start on it."""
    query = (
        sa.select(PricingPlan)
        .where(PricingPlan.is_active, PricingPlan.price_minor == 0)
        .order_by(PricingPlan.tier, PricingPlan.id)
        .limit(1)
    )
    return db.session.scalars(query).one_or_none()
