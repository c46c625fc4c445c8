"""`/api/pricing-plans`: what a workspace can be on; public."""

from __future__ import annotations

from typing import Any

from flask_smorest import Blueprint

from payments.kit.http import enveloped, listing, query_flag
from payments.workspaces import errors, queries
from payments.workspaces.schemas.plans import PlanSchema

blueprint = Blueprint("pricing-plans", __name__, url_prefix="/api/pricing-plans")


@blueprint.get("")
@blueprint.response(200, enveloped("PlanList", PlanSchema, many=True))
def list_plans() -> dict[str, Any]:
    """List the pricing plans, the lowest first; `includeInactive=true` adds retired ones."""
    plans = queries.plans(inactive=query_flag("includeInactive"))
    return listing("Pricing plans retrieved successfully", plans)


@blueprint.get("/<string:slug>")
@blueprint.response(200, enveloped("PlanAnswer", PlanSchema))
def get_plan(slug: str) -> dict[str, Any]:
    """Return one pricing plan."""
    plan = queries.find_plan(slug)
    if plan is None:
        raise errors.PlanNotFound
    return {"message": "Pricing plan retrieved successfully", "data": plan}
