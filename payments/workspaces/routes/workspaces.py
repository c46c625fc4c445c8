"""`/api/workspaces`: the caller's workspaces."""

from __future__ import annotations

from typing import Any

from payments.auth.guards import signed_in
from payments.auth.models import User
from payments.idempotency.replay import idempotent
from payments.kit.blueprints import Blueprint
from payments.kit.http import enveloped, listing
from payments.workspaces import directory, rosters
from payments.workspaces.guards import MANAGERS, Access, workspace_access
from payments.workspaces.schemas.errors import documented_errors
from payments.workspaces.schemas.workspaces import (
    CheckNameSchema,
    CreateWorkspaceSchema,
    NameCheckSchema,
    OwnWorkspaceSchema,
    UpdateWorkspaceSchema,
    WorkspaceWithPlanSchema,
)

blueprint = Blueprint(
    "workspaces", __name__, url_prefix="/api/workspaces", description="The caller's workspaces"
)

WorkspaceAnswer = enveloped("WorkspaceAnswer", OwnWorkspaceSchema)


@blueprint.get("")
@documented_errors(blueprint, 401)
@signed_in
@blueprint.response(200, enveloped("WorkspaceList", OwnWorkspaceSchema, many=True))
def list_workspaces(user: User) -> dict[str, Any]:
    """List the caller's workspaces, each with his role in it."""
    return listing("Workspaces retrieved successfully", rosters.seats_of(user.id))


@blueprint.post("")
@documented_errors(blueprint, 400, 401, 409)
@signed_in
@idempotent
@blueprint.arguments(CreateWorkspaceSchema)
@blueprint.response(200, WorkspaceAnswer)
def create_workspace(body: dict[str, Any], user: User) -> dict[str, Any]:
    """Create a workspace on the free plan, owned by the caller."""
    seat = directory.create_workspace(user, **body)
    return {"message": "Workspace created successfully", "data": seat}


@blueprint.get("/check-name")
@documented_errors(blueprint, 400, 401)
@signed_in
@blueprint.arguments(CheckNameSchema, location="query")
@blueprint.response(200, enveloped("NameCheckAnswer", NameCheckSchema))
def check_name(query: dict[str, Any], user: User) -> dict[str, Any]:  # noqa: ARG001 - signed in
    """Tell which slug a name would give and whether it is free."""
    checked = directory.check_name(query["name"])
    return {"message": "Workspace name checked successfully", "data": checked}


@blueprint.get("/<string:slug>")
@documented_errors(blueprint, 400, 401, 403, 404)
@workspace_access()
@blueprint.response(200, enveloped("WorkspaceWithPlanAnswer", WorkspaceWithPlanSchema))
def get_workspace(access: Access) -> dict[str, Any]:
    """Return a workspace with its plan and the caller's role."""
    seat = rosters.get_seat(access.workspace.id, access.user.id)
    return {"message": "Workspace retrieved successfully", "data": seat}


@blueprint.patch("/<string:slug>")
@documented_errors(blueprint, 400, 401, 403, 404)
@workspace_access(*MANAGERS)
@blueprint.arguments(UpdateWorkspaceSchema)
@blueprint.response(200, WorkspaceAnswer)
def update_workspace(body: dict[str, Any], access: Access) -> dict[str, Any]:
    """Change a workspace's name, description, picture or billing address.

    Only what is named changes. A part of the address changes that part, null clears all of it.
    The slug stays as it is for good.
    """
    seat = directory.update_workspace(access, body)
    return {"message": "Workspace updated successfully", "data": seat}
