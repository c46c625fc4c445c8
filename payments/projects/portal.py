"""Send an end user to Stripe's customer portal."""

from __future__ import annotations

from payments.gateway.billing_results import HostedPage
from payments.gateway.errors import Rejected
from payments.projects.buyers import approach
from payments.projects.checkout import MISSING
from payments.projects.errors import NoCustomer, StripeRefused
from payments.projects.guards import Seat


def open_portal(seat: Seat, return_url: str, *, test_mode: bool) -> HostedPage:
    """Open the portal; NoCustomer for whoever has never been to a checkout."""
    buyer = approach(seat, test_mode=test_mode)
    if buyer.customer is None:
        raise NoCustomer
    try:
        return buyer.billing.create_portal_session(
            buyer.customer, return_url=return_url, key=buyer.key("portal")
        )
    except Rejected as error:
        raise NoCustomer if error.code == MISSING else StripeRefused from error
