"""`/api/v1/projects`: a developer's projects, their API keys and their end users."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from payments.auth.models import User
from payments.idempotency.replay import hide_in_replay, idempotent
from payments.kit.blueprints import ProjectsBlueprint
from payments.projects import api_keys, directory, rosters
from payments.projects.api_keys import NewKey
from payments.projects.guards import developer, project_owner
from payments.projects.models import Project, ProjectKey
from payments.projects.schemas.base import documented_errors
from payments.projects.schemas.configuration import DestructionQuery
from payments.projects.schemas.projects import (
    ListedKeySchema,
    NewKeySchema,
    NewProjectSchema,
    ProjectChangeSchema,
    ProjectIdSchema,
    ProjectSchema,
    ShownKeySchema,
    UsersPage,
    UsersQuery,
)

blueprint = ProjectsBlueprint("projects", __name__, url_prefix="/api/v1/projects")


@blueprint.get("/", strict_slashes=False)
@documented_errors(blueprint, 401, 403)
@developer
@blueprint.response(200, ProjectSchema(many=True))
def list_projects(user: User) -> list[Project]:
    """List the caller's projects, the newest first."""
    return rosters.projects_of(user.id)


@blueprint.post("/", strict_slashes=False)
@documented_errors(blueprint, 400, 401, 403, 409, 422)
@developer
@idempotent
@blueprint.arguments(NewProjectSchema)
@blueprint.response(201, ProjectIdSchema)
def create_project(body: dict[str, Any], user: User) -> Project:
    """Make a project."""
    return directory.create(user, **body)


@blueprint.get("/<uuid:project_id>")
@documented_errors(blueprint, 401, 403, 404)
@project_owner
@blueprint.response(200, ProjectSchema)
def get_project(project: Project) -> Project:
    """Return a project."""
    return project


@blueprint.put("/<uuid:project_id>")
@documented_errors(blueprint, 401, 403, 404, 422)
@project_owner
@blueprint.arguments(ProjectChangeSchema)
@blueprint.response(200, ProjectSchema)
def update_project(body: dict[str, Any], project: Project) -> Project:
    """Change the given fields of a project."""
    return directory.update(project, **body)


@blueprint.delete("/<uuid:project_id>")
@documented_errors(blueprint, 401, 403, 404, 422)
@project_owner
@blueprint.arguments(DestructionQuery, location="query")
@blueprint.response(204)
def delete_project(query: dict[str, Any], project: Project) -> None:
    """Switch a project off; its payments, subscriptions and timeline are kept

    Its Stripe keys are destroyed after KEY_DESTRUCTION_DAYS, with `destroy_keys` at once.
    """
    directory.delete(project, destroys_keys=query["destroy_keys"])


@blueprint.post("/<uuid:project_id>/api-keys")
@documented_errors(blueprint, 400, 401, 403, 404, 409, 422)
@project_owner
@idempotent
@hide_in_replay("key")
@blueprint.arguments(NewKeySchema, required=False)
@blueprint.response(201, ShownKeySchema)
def create_key(body: dict[str, Any], project: Project) -> NewKey:
    """Make an API key; it is shown this once

    A repetition with the same Idempotency-Key has `key` as null: who has lost the first answer
    revokes the key by its id and makes another one.
    """
    return api_keys.create(project, name=body.get("name"))


@blueprint.get("/<uuid:project_id>/api-keys")
@documented_errors(blueprint, 401, 403, 404)
@project_owner
@blueprint.response(200, ListedKeySchema(many=True))
def list_keys(project: Project) -> list[ProjectKey]:
    """List the project's API keys, revoked ones too."""
    return rosters.keys_of(project.id)


@blueprint.delete("/<uuid:project_id>/api-keys/<uuid:api_key_id>")
@documented_errors(blueprint, 401, 403, 404)
@project_owner
@blueprint.response(204)
def revoke_key(project: Project, api_key_id: UUID) -> None:
    """Revoke an API key for good."""
    api_keys.revoke(project, str(api_key_id))


@blueprint.get("/<uuid:project_id>/users")
@documented_errors(blueprint, 401, 403, 404, 422)
@project_owner
@blueprint.arguments(UsersQuery, location="query")
@blueprint.response(200, UsersPage)
def list_users(query: dict[str, Any], project: Project) -> dict[str, Any]:
    """List the project's end users, the newest first."""
    return rosters.end_users_page(project.id, **query)
