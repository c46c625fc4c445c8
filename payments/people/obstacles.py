"""What keeps a person from being erased, and what to do about it first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import sqlalchemy as sa

from payments.kit.db import db
from payments.people import find
from payments.projects.models import Project
from payments.workspaces import rosters
from payments.workspaces.models import Charge, Membership, Workspace
from payments.workspaces.models.charges import OPEN
from payments.workspaces.models.workspaces import OWNER


class CannotErase(Exception):
    """Others would lose something, or money is on its way; the text says what to do."""


def check_obstacles(user_ids: Sequence[int]) -> None:
    """Raise CannotErase with everything that stands in the way of erasing these users."""
    reasons = [
        *_find_last_owners(user_ids),
        *_find_open_charges(user_ids),
        *_find_projects(user_ids),
    ]
    if reasons:
        raise CannotErase("\n".join(reasons))


def _find_last_owners(user_ids: Sequence[int]) -> Iterator[str]:
    alone = {workspace.id for workspace in find.list_lone_workspaces(user_ids)}
    for workspace in find.list_owned_workspaces(user_ids):
        if workspace.id not in alone and _is_without_other_owner(workspace, user_ids):
            yield (
                f"workspace {workspace.slug} has members and no other owner: "
                "make one of them an owner, or remove them"
            )


def _is_without_other_owner(workspace: Workspace, user_ids: Sequence[int]) -> bool:
    seats: list[Membership] = rosters.members_of(workspace.id)
    return not any(seat.role == OWNER and seat.user_id not in user_ids for seat in seats)


def _find_open_charges(user_ids: Sequence[int]) -> Iterator[str]:
    alone = [workspace.id for workspace in find.list_lone_workspaces(user_ids)]
    query = sa.select(Charge.id).where(Charge.workspace_id.in_(alone), Charge.status.in_(OPEN))
    for charge_id in db.session.scalars(query.order_by(Charge.id)):
        yield f"charge {charge_id} is open: wait, or `flask charges give-up {charge_id}`"


def _find_projects(user_ids: Sequence[int]) -> Iterator[str]:
    query = sa.select(Project.id).where(Project.owner_id.in_(user_ids), Project.is_active)
    for project_id in db.session.scalars(query.order_by(Project.id)):
        yield f"project {project_id} is in use: its developer must delete it first"
