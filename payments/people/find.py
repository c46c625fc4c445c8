"""Who a person is here: accounts with an address, their workspaces, their customers at Stripe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from payments.auth.models import User
from payments.kit.db import db
from payments.projects.credentials import mode_of
from payments.projects.models import StripeCustomer
from payments.webhooks.models import PLATFORM
from payments.workspaces.models import Membership, Workspace
from payments.workspaces.models.workspaces import OWNER


@dataclass(frozen=True)
class Customer:
    """A customer at Stripe, and to whose events it belongs."""

    owner: str
    mode: str | None
    id: str


def normalize_address(email: str) -> str:
    """Return an address as accounts have it."""
    return email.strip().lower()


def list_accounts(address: str, project_id: str | None) -> list[User]:
    """Return the accounts with that address: of one project, or outside of and in all of them."""
    query = sa.select(User).where(User.email == address)
    if project_id is not None:
        query = query.where(User.project_id == project_id)
    return list(db.session.scalars(query.order_by(User.id)))


def list_owned_workspaces(user_ids: Sequence[int]) -> list[Workspace]:
    """Return the workspaces that one of the users owns, alone or with others."""
    seat = sa.select(Membership.workspace_id).where(
        Membership.user_id.in_(user_ids), Membership.role == OWNER
    )
    query = sa.select(Workspace).where(Workspace.id.in_(seat))
    return list(db.session.scalars(query.order_by(Workspace.id)))


def list_lone_workspaces(user_ids: Sequence[int]) -> list[Workspace]:
    """Return the workspaces that nobody else is a member of."""
    ours = sa.select(Membership.workspace_id).where(Membership.user_id.in_(user_ids))
    others = sa.select(Membership.workspace_id).where(Membership.user_id.not_in(user_ids))
    query = sa.select(Workspace).where(Workspace.id.in_(ours), Workspace.id.not_in(others))
    return list(db.session.scalars(query.order_by(Workspace.id)))


def list_customers(user_ids: Sequence[int]) -> list[Customer]:
    """Return the users' customers at projects' accounts, and those of their lone workspaces."""
    query = sa.select(StripeCustomer).where(StripeCustomer.user_id.in_(user_ids))
    found = [
        Customer(row.project_id, mode_of(row.is_test_mode), row.customer_id)
        for row in db.session.scalars(query.order_by(StripeCustomer.id))
    ]
    alone = [workspace.stripe_customer_id for workspace in list_lone_workspaces(user_ids)]
    return found + [Customer(PLATFORM, None, customer) for customer in alone if customer]
