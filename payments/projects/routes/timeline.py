"""`/api/v1/payments/stripe/projects/{id}/timeline`: what happened in a project, and by whom."""

from __future__ import annotations

from typing import Any

from payments.kit.blueprints import ProjectsBlueprint
from payments.projects import rosters
from payments.projects.credentials import mode_of
from payments.projects.guards import present_or_former_owner
from payments.projects.models import Project
from payments.projects.schemas.base import documented_errors
from payments.projects.schemas.timeline import EntryPage, ProjectTimelineQuery
from payments.timeline import read
from payments.timeline.read import Wish
from payments.timeline.tell import Person, tell, users_in

blueprint = ProjectsBlueprint("project_timeline", __name__, url_prefix="/api/v1/payments/stripe")


@blueprint.get("/projects/<uuid:project_id>/timeline")
@documented_errors(blueprint, 401, 403, 404, 422)
@present_or_former_owner
@blueprint.arguments(ProjectTimelineQuery, location="query")
@blueprint.response(200, EntryPage)
def list_entries(query: dict[str, Any], project: Project) -> dict[str, Any]:
    """Tell what happened in a project, the newest first

    It outlives the project: also of one that was deleted it can be read by its developer.
    Filtered by `subject` (`subscription:...`), by what `kind` begins with (`payment.`), and by
    moments: `from` (inclusive) and `to` (exclusive).
    """
    page, page_size, test_mode = (query.pop(name) for name in ("page", "page_size", "test_mode"))
    wish = Wish(**query, mode=None if test_mode is None else mode_of(test_mode))
    entries, total = read.of_project(project.id, wish, page=page, limit=page_size)
    known = rosters.people_of(project, users_in(entries))
    people = {user.id: Person(user.uuid, user.name, user.email) for user in known}
    told = tell(entries, people)
    return {"entries": told, "total": total, "page": page, "page_size": page_size}
