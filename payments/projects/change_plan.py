"""Move an end user's subscription to another price."""

from __future__ import annotations

from dataclasses import dataclass

from payments.gateway.billing_results import Plan
from payments.gateway.errors import Declined, Rejected
from payments.projects.buyers import Buyer, approach, subscription_of
from payments.projects.cancel import ENDED
from payments.projects.checkout import get_price
from payments.projects.errors import InvalidPrice, NoSubscription
from payments.projects.guards import Seat
from payments.projects.known import read_ledger_version, take_in

# https://docs.stripe.com/billing/subscriptions/prorations
CREATE_PRORATIONS, NONE, ALWAYS_INVOICE = "create_prorations", "none", "always_invoice"
PRORATIONS = (CREATE_PRORATIONS, NONE, ALWAYS_INVOICE)

CHANGED = "Subscription plan has been changed"
SAME = "Subscription is on this price already"


@dataclass(frozen=True)
class Changed:
    """The subscription on its new price."""

    subscription_id: str
    status: str
    price_id: str
    message: str


def change_plan(seat: Seat, price_id: str, *, proration: str, test_mode: bool) -> Changed:
    """Swap the price of the present subscription; the same price again costs nothing.

    InvalidPrice for one that is unknown, not recurring, or that Stripe cannot put in its place
    (another currency, say).
    """
    buyer = approach(seat, test_mode=test_mode)
    plan = _standing(buyer, subscription_of(buyer))
    if plan.price == price_id:
        return Changed(plan.id, plan.status, price_id, SAME)
    price, since = get_price(buyer, price_id, recurring=True), read_ledger_version(buyer)
    changed = _swapped(buyer, plan, price_id, proration)
    take_in(buyer, changed, since=since, plan_name=price.product_name)
    return Changed(changed.id, changed.status, price_id, CHANGED)


def _standing(buyer: Buyer, subscription: str) -> Plan:
    try:
        plan = buyer.billing.get_plan(subscription)
    except Rejected as error:
        raise NoSubscription from error
    if plan.status in ENDED:
        raise NoSubscription
    return plan


def _swapped(buyer: Buyer, plan: Plan, price_id: str, proration: str) -> Plan:
    try:
        return buyer.billing.change_price(
            plan, price_id, proration=proration, key=buyer.key("change-plan")
        )
    except Declined as error:
        raise InvalidPrice(f"The change could not be paid: {error.message}") from error
    except Rejected as error:
        raise InvalidPrice("Invalid price: it does not fit this subscription") from error
