"""`POST /api/v1/payments/stripe/checkout-session`."""

from __future__ import annotations

from typing import Any

from payments.gateway.billing_results import HostedPage
from payments.idempotency.replay import idempotent
from payments.kit.blueprints import ProjectsBlueprint
from payments.projects.checkout import Wish, open_checkout
from payments.projects.guards import Seat, end_user
from payments.projects.routes.returns import fit_urls
from payments.projects.schemas.base import documented_errors
from payments.projects.schemas.checkout import CheckoutSchema, CheckoutSessionSchema
from payments.projects.schemas.modes import ModeQuery

blueprint = ProjectsBlueprint("project_checkout", __name__, url_prefix="/api/v1/payments/stripe")


@blueprint.post("/checkout-session")
@documented_errors(blueprint, 400, 401, 403, 404, 409, 422, 502)
@end_user
@idempotent
@blueprint.arguments(ModeQuery, location="query")
@blueprint.arguments(CheckoutSchema)
@blueprint.response(200, CheckoutSessionSchema)
def create_session(query: dict[str, Any], body: dict[str, Any], seat: Seat) -> HostedPage:
    """Open a Checkout page for a subscription or a one-time payment.

    400 beside a subscription that is active, on trial, past due, unpaid or paused, unless
    `allow_existing_subscription` says otherwise, and for a price that cannot be bought. The trial
    is the price's, once for each end user. A metered price is sold without a quantity.
    `success_url` may hold `{CHECKOUT_SESSION_ID}`.
    """
    fit_urls(body, ("success_url", "cancel_url"), seat.project.allowed_origins)
    return open_checkout(seat, Wish(**body), test_mode=query["test_mode"])
