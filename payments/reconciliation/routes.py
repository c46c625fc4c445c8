"""`/api/v1/payments/stripe/projects/{project_id}/reconciliations`: how we and Stripe compare."""

from __future__ import annotations

from typing import Any

from payments.auth.models import User
from payments.idempotency.replay import idempotent
from payments.kit.blueprints import ProjectsBlueprint
from payments.kit.http import parse_id
from payments.projects.credentials import mode_of
from payments.projects.errors import ReconciliationNotFound, StripeNotSetUp
from payments.projects.guards import developer, project_owner
from payments.projects.models import Project
from payments.projects.schemas.base import PageQuery, documented_errors
from payments.reconciliation import accounts
from payments.reconciliation.accounts import Account
from payments.reconciliation.order import order
from payments.reconciliation.schemas import (
    NewRunSchema,
    RunPage,
    RunQuery,
    RunSchema,
    ShownRunSchema,
)
from payments.runs import shelf
from payments.runs.models import ReconciliationRun

blueprint = ProjectsBlueprint("reconciliations", __name__, url_prefix="/api/v1/payments/stripe")


@blueprint.get("/projects/<uuid:project_id>/reconciliations")
@documented_errors(blueprint, 401, 403, 404, 422)
@project_owner
@blueprint.arguments(RunQuery, location="query")
@blueprint.response(200, RunPage)
def list_reconciliations(query: dict[str, Any], project: Project) -> dict[str, Any]:
    """List the comparisons of a project with its Stripe accounts, the newest first."""
    page, page_size = query.pop("page"), query.pop("page_size")
    found, total = shelf.page(project.id, page=page, page_size=page_size, **query)
    return {"reconciliations": found, "total": total, "page": page, "page_size": page_size}


@blueprint.get("/projects/<uuid:project_id>/reconciliations/<run_id>")
@documented_errors(blueprint, 401, 403, 404, 422)
@project_owner
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, ShownRunSchema)
def get_reconciliation(query: dict[str, Any], project: Project, run_id: str) -> dict[str, Any]:
    """Show a comparison with a page of what it found, in the order in which it was found."""
    run = _found(project, run_id)
    drifts, total = shelf.drifts(project.id, run.id, **query)
    shown = {name: getattr(run, name) for name in RunSchema().fields}
    return {**shown, "drifts": drifts, "total": total, **query}


@blueprint.post("/projects/<uuid:project_id>/reconciliations")
@documented_errors(blueprint, 400, 401, 403, 404, 409, 422)
@developer
@project_owner
@idempotent
@blueprint.arguments(NewRunSchema)
@blueprint.alt_response(200, schema=RunSchema, description="One is under way already: this one")
@blueprint.response(202, RunSchema, description="It was begun")
def begin_reconciliation(
    body: dict[str, Any], project: Project, user: User
) -> tuple[ReconciliationRun, int]:
    """Compare a project with its Stripe account now: `objects` themselves, or whether any of
    Stripe's `events` was never delivered. What differs is mended, unless it is a dry run."""
    account = Account(project.id, mode_of(body["test_mode"]))
    if account not in accounts.of_project(project.id):
        raise StripeNotSetUp
    run, made = order(account, body["kind"], actor=f"user:{user.id}", dry_run=body["dry_run"])
    return run, 202 if made else 200


def _found(project: Project, run_id: str) -> ReconciliationRun:
    number = parse_id(run_id)
    run = None if number is None else shelf.find(project.id, number)
    if run is None:
        raise ReconciliationNotFound
    return run
