"""`/api/pricing-plans`: what a workspace can be on; public."""

from __future__ import annotations

from typing import Any

from payments.kit.blueprints import Blueprint
from payments.kit.http import enveloped, listing, query_flag
from payments.workspaces import errors, queries
from payments.workspaces.guards import SLUG
from payments.workspaces.schemas.errors import documented_errors
from payments.workspaces.schemas.plans import PlanSchema

blueprint = Blueprint(
    "pricing-plans",
    __name__,
    url_prefix="/api/pricing-plans",
    description="What a workspace can be on; public",
)

_INCLUDE_INACTIVE = {
    "in": "query",
    "name": "includeInactive",
    "description": "`true` adds plans that are no longer offered",
    "schema": {"type": "string", "default": "false"},
}


@blueprint.get("")
@blueprint.doc(security=[], parameters=[_INCLUDE_INACTIVE])
@documented_errors(blueprint)
@blueprint.response(200, enveloped("PlanList", PlanSchema, many=True))
def list_plans() -> dict[str, Any]:
    """List the pricing plans, the lowest first."""
    plans = queries.plans(inactive=query_flag("includeInactive"))
    return listing("Pricing plans retrieved successfully", plans)


@blueprint.get("/<string:slug>")
@blueprint.doc(security=[])
@documented_errors(blueprint, 404)
@blueprint.response(200, enveloped("PlanAnswer", PlanSchema))
def get_plan(slug: str) -> dict[str, Any]:
    """Return one pricing plan."""
    plan = queries.find_plan(slug) if SLUG.fullmatch(slug) else None
    if plan is None:
        raise errors.PlanNotFound
    return {"message": "Pricing plan retrieved successfully", "data": plan}
