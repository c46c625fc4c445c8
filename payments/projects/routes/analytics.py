"""`/api/v1/payments`: a developer's subscriptions, payments and figures."""

from __future__ import annotations

from typing import Any

from payments.auth.models import User
from payments.kit.blueprints import ProjectsBlueprint
from payments.projects import analytics
from payments.projects.analytics import Scope
from payments.projects.guards import developer, project_owner
from payments.projects.models import Project
from payments.projects.schemas.base import documented_errors
from payments.projects.schemas.ledger import (
    AcrossPaymentPage,
    AcrossQuery,
    AcrossSubscriptionPage,
    ConfiguredProjectsSchema,
    PaymentPage,
    StatsSchema,
    SubscriptionPage,
)
from payments.projects.schemas.modes import ModePageQuery, ModeQuery

blueprint = ProjectsBlueprint("project_analytics", __name__, url_prefix="/api/v1/payments")


@blueprint.get("/subscriptions")
@documented_errors(blueprint, 401, 403, 422)
@developer
@blueprint.arguments(AcrossQuery, location="query")
@blueprint.response(200, AcrossSubscriptionPage)
def list_subscriptions(query: dict[str, Any], user: User) -> dict[str, Any]:
    """List the subscriptions of all the caller's projects, the newest first."""
    scope, page = _across(user, query)
    return analytics.list_subscriptions(scope, **page)


@blueprint.get("/transactions")
@documented_errors(blueprint, 401, 403, 422)
@developer
@blueprint.arguments(AcrossQuery, location="query")
@blueprint.response(200, AcrossPaymentPage)
def list_transactions(query: dict[str, Any], user: User) -> dict[str, Any]:
    """List the payments of all the caller's projects, the newest first."""
    scope, page = _across(user, query)
    return analytics.list_payments(scope, **page)


@blueprint.get("/projects")
@documented_errors(blueprint, 401, 403)
@developer
@blueprint.response(200, ConfiguredProjectsSchema)
def list_projects(user: User) -> dict[str, Any]:
    """List all the caller's projects with what of Stripe they have."""
    found = analytics.list_projects(user.id)
    return {"projects": found, "total": len(found)}


@blueprint.get("/stats")
@documented_errors(blueprint, 401, 403, 422)
@developer
@blueprint.arguments(ModeQuery, location="query")
@blueprint.response(200, StatsSchema)
def get_stats(query: dict[str, Any], user: User) -> dict[str, Any]:
    """Sum up all the caller's projects: `test_mode=true` is test and live, false live only."""
    return analytics.get_stats(user.id, **query)


@blueprint.get("/stripe/projects/<uuid:project_id>/subscriptions")
@documented_errors(blueprint, 401, 403, 404, 422)
@project_owner
@blueprint.arguments(ModePageQuery, location="query")
@blueprint.response(200, SubscriptionPage)
def list_project_subscriptions(query: dict[str, Any], project: Project) -> dict[str, Any]:
    """List a project's subscriptions of one mode, the newest first."""
    return analytics.list_subscriptions(_of(project, query.pop("test_mode")), **query)


@blueprint.get("/stripe/projects/<uuid:project_id>/payments")
@documented_errors(blueprint, 401, 403, 404, 422)
@project_owner
@blueprint.arguments(ModePageQuery, location="query")
@blueprint.response(200, PaymentPage)
def list_project_payments(query: dict[str, Any], project: Project) -> dict[str, Any]:
    """List a project's payments of one mode, the newest first."""
    return analytics.list_payments(_of(project, query.pop("test_mode")), **query)


def _across(user: User, query: dict[str, Any]) -> tuple[Scope, dict[str, int]]:
    page = {name: query.pop(name) for name in ("page", "page_size")}
    project_id = query.pop("project_id")
    return Scope(user.id, project_id=str(project_id) if project_id else None, **query), page


def _of(project: Project, test_mode: bool) -> Scope:
    return Scope(project.owner_id, project_id=project.id, test_mode=test_mode)
