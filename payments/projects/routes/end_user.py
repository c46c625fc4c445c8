"""`/api/v1/payments/stripe/...`: an end user's own subscription and payments."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify

from payments.gateway.billing_results import HostedPage
from payments.idempotency.replay import idempotent
from payments.kit.blueprints import ProjectsBlueprint
from payments.projects import analytics
from payments.projects.analytics import Scope
from payments.projects.buyers import demand_account
from payments.projects.cancel import Cancellation, cancel_subscription
from payments.projects.change_plan import Changed, change_plan
from payments.projects.guards import Seat, end_user
from payments.projects.portal import open_portal
from payments.projects.routes.returns import fit_urls
from payments.projects.schemas.base import documented_errors
from payments.projects.schemas.checkout import (
    CancelledSchema,
    CancelSchema,
    ChangedPlanSchema,
    ChangePlanSchema,
    PortalSchema,
    PortalSessionSchema,
)
from payments.projects.schemas.ledger import PaymentPage, SubscriptionSchema
from payments.projects.schemas.modes import ModePageQuery, ModeQuery, MySubscriptionQuery

blueprint = ProjectsBlueprint("project_end_user", __name__, url_prefix="/api/v1/payments/stripe")


@blueprint.get("/my-subscription")
@documented_errors(blueprint, 401, 403, 404, 422)
@end_user
@blueprint.arguments(MySubscriptionQuery, location="query")
@blueprint.response(200, SubscriptionSchema, description="The subscription, or null")
def my_subscription(query: dict[str, Any], seat: Seat) -> Response:
    """Return the caller's newest subscription that is active, on trial or past due, or null

    `include_inactive` asks for one that is unpaid, paused or incomplete where there is none.
    """
    scope = _own(seat, query.pop("test_mode"))
    found = analytics.find_my_subscription(scope, **query)
    return jsonify(None if found is None else SubscriptionSchema().dump(found))


@blueprint.get("/my-payments")
@documented_errors(blueprint, 401, 403, 404, 422)
@end_user
@blueprint.arguments(ModePageQuery, location="query")
@blueprint.response(200, PaymentPage)
def my_payments(query: dict[str, Any], seat: Seat) -> dict[str, Any]:
    """List the caller's payments, the newest first."""
    return analytics.list_payments(_own(seat, query.pop("test_mode")), **query)


@blueprint.post("/customer-portal")
@documented_errors(blueprint, 400, 401, 403, 404, 409, 422, 502)
@end_user
@idempotent
@blueprint.arguments(ModeQuery, location="query")
@blueprint.arguments(PortalSchema)
@blueprint.response(200, PortalSessionSchema)
def customer_portal(query: dict[str, Any], body: dict[str, Any], seat: Seat) -> HostedPage:
    """Open Stripe's customer portal; 404 for whoever has never been to a checkout."""
    fit_urls(body, ("return_url",), seat.project.allowed_origins)
    return open_portal(seat, body["return_url"], **query)


@blueprint.post("/cancel-subscription")
@documented_errors(blueprint, 400, 401, 403, 404, 409, 422, 502)
@end_user
@idempotent
@blueprint.arguments(ModeQuery, location="query")
@blueprint.arguments(CancelSchema)
@blueprint.response(200, CancelledSchema)
def cancel(query: dict[str, Any], body: dict[str, Any], seat: Seat) -> Cancellation:
    """End the subscription with its paid period, or at once with `cancel_immediately`."""
    return cancel_subscription(seat, immediately=body["cancel_immediately"], **query)


@blueprint.post("/update-subscription")
@documented_errors(blueprint, 400, 401, 403, 404, 409, 422, 502)
@end_user
@idempotent
@blueprint.arguments(ModeQuery, location="query")
@blueprint.arguments(ChangePlanSchema)
@blueprint.response(200, ChangedPlanSchema)
def update(query: dict[str, Any], body: dict[str, Any], seat: Seat) -> Changed:
    """Move the subscription to another price.

    `create_prorations` settles the difference with the next invoice, `always_invoice` at once,
    `none` not at all. The same price again changes nothing.
    """
    return change_plan(seat, body["new_price_id"], proration=body["proration_behavior"], **query)


def _own(seat: Seat, test_mode: bool) -> Scope:
    """Scope a list to the caller's own rows; 404 when the project takes no payments."""
    demand_account(seat, test_mode=test_mode)
    project = seat.project
    return Scope(project.owner_id, project.id, seat.user.id, test_mode)
