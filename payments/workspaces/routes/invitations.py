"""`/api/workspaces/{slug}/invitations`: who was invited and did not accept yet."""

from __future__ import annotations

from typing import Any

from payments.kit.blueprints import Blueprint
from payments.kit.http import enveloped, listing
from payments.workspaces import invitations
from payments.workspaces.guards import MANAGERS, Access, workspace_access
from payments.workspaces.schemas.errors import documented_errors
from payments.workspaces.schemas.invitations import InvitationSchema, RevokedSchema

blueprint = Blueprint(
    "invitations",
    __name__,
    url_prefix="/api/workspaces/<string:slug>/invitations",
    description="Who was invited into a workspace",
)


@blueprint.get("")
@documented_errors(blueprint, 400, 401, 403, 404)
@workspace_access(*MANAGERS)
@blueprint.response(200, enveloped("InvitationList", InvitationSchema, many=True))
def list_invitations(access: Access) -> dict[str, Any]:
    """List the invitations that can still be accepted, the oldest first."""
    found = invitations.list_pending(access.workspace.id)
    return listing("Invitations retrieved successfully", found)


@blueprint.delete("/<string:invitation_id>")
@documented_errors(blueprint, 400, 401, 403, 404)
@workspace_access(*MANAGERS)
@blueprint.response(200, enveloped("RevokedInvitation", RevokedSchema))
def revoke_invitation(access: Access, invitation_id: str) -> dict[str, Any]:
    """Take an invitation back: its link is worth nothing any more."""
    revoked = invitations.revoke_invitation(access, invitation_id)
    return {
        "message": "Invitation revoked successfully",
        "data": {"id": revoked, "revoked": True},
    }
