"""Verbs of workspaces: create, update, check a name."""

from __future__ import annotations

from typing import Any

from payments.auth.models import User
from payments.kit.db import db
from payments.kit.inserts import inserted
from payments.kit.transactions import transaction
from payments.timeline.append import append
from payments.workspaces import errors, queries, rosters, slugs
from payments.workspaces.guards import Access
from payments.workspaces.models import Membership, Workspace
from payments.workspaces.models.workspaces import OWNER

ADDRESS_FIELDS = ("line1", "line2", "city", "state", "postal_code", "country")

_NAME_LONGEST = 100
_TRIES = 25


def create_workspace(user: User, *, name: str, description: str | None = None) -> Membership:
    """Make a workspace on the free plan and return its maker's membership as owner."""
    with transaction():
        return add_workspace(user, name=name, description=description)


def add_workspace(user: User, *, name: str, description: str | None = None) -> Membership:
    """Do what `create_workspace` does, inside the caller's transaction."""
    plan = rosters.find_free_plan()
    if plan is None:
        raise errors.NoFreePlan
    workspace = _insert(name=name, description=description or "", plan_id=plan.id)
    seat = Membership(workspace=workspace, user=user, role=OWNER)
    db.session.add(seat)
    append(
        "workspace.created",
        actor=f"user:{user.id}",
        subject=f"workspace:{workspace.id}",
        workspace_id=workspace.id,
        slug=workspace.slug,
        plan=plan.slug,
        plan_name=plan.name,
    )
    append(
        "member.added",
        actor=f"user:{user.id}",
        subject=f"user:{user.id}",
        workspace_id=workspace.id,
        role=OWNER,
    )
    return seat


def update_workspace(access: Access, changes: dict[str, Any]) -> Membership:
    """Change what the caller named and leave the rest; the slug never changes."""
    with transaction():
        workspace = queries.lock_workspace(access.workspace.id)
        for field, value in _columns(changes).items():
            setattr(workspace, field, value)
        append(
            "workspace.updated",
            actor=access.actor,
            subject=f"workspace:{workspace.id}",
            workspace_id=workspace.id,
            fields=sorted(changes),
        )
        return rosters.get_seat(workspace.id, access.user.id)


def check_name(name: str) -> dict[str, Any]:
    """Say which slug a name gives and whether it is still free."""
    slug = slugs.slugify(name)
    return {"name": name, "slug": slug, "available": slugs.is_available(slug)}


def default_name(person: str) -> str:
    """Name a person's first workspace, within the length of a name."""
    ending = "'s Workspace"
    return person[: _NAME_LONGEST - len(ending)].rstrip() + ending


def _insert(**values: Any) -> Workspace:
    """Insert a workspace under a free slug; somebody else may take the slug first: try the next."""
    base = slugs.slugify(values["name"])
    for _ in range(_TRIES):
        workspace = Workspace(slug=slugs.free_slug(base), **values)
        if inserted(workspace):
            return workspace
    workspace = Workspace(slug=slugs.unusual_slug(base), **values)
    db.session.add(workspace)
    return workspace


def _columns(changes: dict[str, Any]) -> dict[str, Any]:
    """Spread the address over its columns; null clears all of it, a part changes that part."""
    columns = dict(changes)
    if "description" in columns:
        columns["description"] = columns["description"] or ""
    if "billing_address" in columns:
        address = columns.pop("billing_address")
        given = dict.fromkeys(ADDRESS_FIELDS) if address is None else address
        columns |= {f"billing_{field}": value for field, value in given.items()}
    return columns
