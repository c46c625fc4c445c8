"""`/api/payments/{slug}/timeline`: what happened in a workspace, when, and by whom."""

from __future__ import annotations

from typing import Any

from payments.kit.blueprints import Blueprint
from payments.kit.http import enveloped, listing, page_and_limit, pagination
from payments.timeline import read
from payments.timeline.read import Wish
from payments.timeline.tell import Person, tell, users_in
from payments.workspaces import rosters
from payments.workspaces.guards import MANAGERS, Access, workspace_access
from payments.workspaces.schemas.errors import documented_errors
from payments.workspaces.schemas.timeline import TimelineEntrySchema, TimelineQuery

blueprint = Blueprint("timeline", __name__, url_prefix="/api/payments")


@blueprint.get("/<string:slug>/timeline")
@workspace_access(*MANAGERS)
@documented_errors(blueprint, 400, 401, 403, 404)
@blueprint.arguments(TimelineQuery, location="query")
@blueprint.response(200, enveloped("Timeline", TimelineEntrySchema, many=True, paged=True))
def list_entries(query: dict[str, Any], access: Access) -> dict[str, Any]:
    """Tell what happened, the newest first

    Filtered by `subject` (`charge:12`), by what `kind` begins with (`plan.`), and by moments:
    `from` (inclusive) and `to` (exclusive).
    """
    workspace_id = access.workspace.id
    page, limit = page_and_limit()
    entries, total = read.of_workspace(workspace_id, Wish(**query), page=page, limit=limit)
    members = rosters.members_among(workspace_id, users_in(entries))
    people = {user.id: Person(user.id, user.name, user.email) for user in members}
    return listing(
        "Timeline retrieved successfully",
        tell(entries, people),
        pagination=pagination(page, limit, total),
    )
