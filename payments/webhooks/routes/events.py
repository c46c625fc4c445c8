"""`/api/v1/payments/stripe/projects/{project_id}/events`: what arrived, and what came of it."""

from __future__ import annotations

from typing import Any

from payments.auth.models import User
from payments.idempotency.replay import idempotent
from payments.kit.blueprints import ProjectsBlueprint
from payments.projects.errors import EventNotFound
from payments.projects.guards import developer, project_owner
from payments.projects.models import Project
from payments.projects.schemas.base import documented_errors
from payments.webhooks import shelf, storage
from payments.webhooks.models import WebhookEvent
from payments.webhooks.schemas import EventPage, EventQuery, EventSchema, ShownEventSchema

blueprint = ProjectsBlueprint("project_events", __name__, url_prefix="/api/v1/payments/stripe")


@blueprint.get("/projects/<uuid:project_id>/events")
@documented_errors(blueprint, 401, 403, 404, 422)
@project_owner
@blueprint.arguments(EventQuery, location="query")
@blueprint.response(200, EventPage)
def list_events(query: dict[str, Any], project: Project) -> dict[str, Any]:
    """List the events that Stripe delivered for a project, the newest first."""
    page, page_size = query.pop("page"), query.pop("page_size")
    found, total = shelf.page(project.id, page=page, page_size=page_size, **query)
    return {
        "events": found, "total": total, "page": page, "page_size": page_size,
        "stored_bytes": storage.count_stored_bytes(project.id),
        "quota_bytes": storage.get_quota(project.id),
    }  # fmt: skip


@blueprint.get("/projects/<uuid:project_id>/events/<event_id>")
@documented_errors(blueprint, 401, 403, 404)
@project_owner
@blueprint.response(200, ShownEventSchema)
def get_event(project: Project, event_id: str) -> WebhookEvent:
    """Show an event with its payload, as Stripe signed it."""
    return _found(project, event_id)


@blueprint.post("/projects/<uuid:project_id>/events/<event_id>/replay")
@documented_errors(blueprint, 400, 401, 403, 404, 409)
@developer
@project_owner
@idempotent
@blueprint.response(200, EventSchema)
def replay_event(project: Project, event_id: str, user: User) -> WebhookEvent:
    """Let an event be handled once more: also one that is dead, or was done already."""
    event = _found(project, event_id)
    return shelf.replay(event.id, actor=f"user:{user.id}")


def _found(project: Project, event_id: str) -> WebhookEvent:
    event = shelf.find(project.id, event_id)
    if event is None:
        raise EventNotFound
    return event
