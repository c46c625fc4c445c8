"""Send an end user to Stripe's customer portal."""

from __future__ import annotations

from payments.gateway.billing_results import HostedPage
from payments.gateway.errors import Rejected
from payments.projects.buyers import approach
from payments.projects.errors import NoCustomer
from payments.projects.guards import Seat
from payments.projects.known import find_subscription
from payments.projects.refusals import telling_refusals
from payments.projects.urls import demand_live_origins

ACTION = "open the customer portal"


def open_portal(seat: Seat, return_url: str, *, test_mode: bool) -> HostedPage:
    """Open the portal, whatever the status of the subscriptions; NoCustomer for whoever has none.

    A customer that is gone at Stripe has taken the subscription along: its row ends.
    https://docs.stripe.com/api/customers/delete
    """
    allowed_origins = seat.project.allowed_origins
    buyer = approach(seat, test_mode=test_mode)
    if buyer.customer is None:
        raise NoCustomer
    if not test_mode:
        demand_live_origins((return_url,), allowed_origins)
    with telling_refusals(buyer, ACTION):
        try:
            return buyer.billing.create_portal_session(
                buyer.customer, return_url=return_url, key=buyer.key("portal")
            )
        except Rejected as error:
            if not error.is_missing:
                raise
        if buyer.subscription is not None:
            find_subscription(buyer, buyer.subscription)
    raise NoCustomer
