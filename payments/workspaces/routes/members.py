"""`/api/workspaces/{slug}/members`: who belongs to a workspace, and as what."""

from __future__ import annotations

from typing import Any

from payments.auth.guessing import limit_invitations
from payments.extensions import settings
from payments.idempotency.replay import idempotent
from payments.kit.blueprints import Blueprint
from payments.kit.http import enveloped, listing
from payments.workspaces import invitations, members, rosters
from payments.workspaces.guards import MANAGERS, Access, workspace_access
from payments.workspaces.schemas.errors import documented_errors
from payments.workspaces.schemas.members import (
    AddMemberSchema,
    ChangeRoleSchema,
    MemberSchema,
    RemovedSchema,
)

blueprint = Blueprint(
    "members",
    __name__,
    url_prefix="/api/workspaces/<string:slug>/members",
    description="Who belongs to a workspace, and as what",
)

MemberAnswer = enveloped("MemberAnswer", MemberSchema)


@blueprint.get("")
@documented_errors(blueprint, 400, 401, 403, 404)
@workspace_access()
@blueprint.response(200, enveloped("MemberList", MemberSchema, many=True))
def list_members(access: Access) -> dict[str, Any]:
    """List the members, the longest there first."""
    seats = rosters.members_of(access.workspace.id)
    return listing("Members retrieved successfully", seats)


@blueprint.post("")
@documented_errors(blueprint, 400, 401, 403, 404, 409)
@limit_invitations
@workspace_access(*MANAGERS)
@idempotent
@blueprint.arguments(AddMemberSchema)
@blueprint.response(200, MemberAnswer)
def add_member(body: dict[str, Any], access: Access) -> dict[str, Any]:
    """Add a user by email.

    The user must have an account already. Only owners may add another owner. Where addresses are
    verified, any other address is sent an invitation, and the answer does not tell which it was.
    """
    if settings().email_verification:
        added = invitations.add_or_invite(access, email=body["email"], role=body["role"])
        return {"message": "Member added, or invited by mail", "data": added}
    seat = members.add_member(access, email=body["email"], role=body["role"])
    return {"message": "Member added successfully", "data": seat}


@blueprint.patch("/<string:user_id>")
@documented_errors(blueprint, 400, 401, 403, 404)
@workspace_access(*MANAGERS)
@blueprint.arguments(ChangeRoleSchema)
@blueprint.response(200, MemberAnswer)
def change_role(body: dict[str, Any], access: Access, user_id: str) -> dict[str, Any]:
    """Change a member's role.

    Only owners may make or unmake an owner, and one owner always remains.
    """
    seat = members.change_role(access, user_id, role=body["role"])
    return {"message": "Member role updated successfully", "data": seat}


@blueprint.delete("/<string:user_id>")
@documented_errors(blueprint, 400, 401, 403, 404)
@workspace_access()
@blueprint.response(200, enveloped("RemovedMember", RemovedSchema))
def remove_member(access: Access, user_id: str) -> dict[str, Any]:
    """Remove a member, or leave.

    Everybody may leave; owners and admins remove others. One owner always remains.
    """
    removed = members.remove_member(access, user_id)
    return {
        "message": "Member removed successfully",
        "data": {"user_id": removed, "removed": True},
    }
