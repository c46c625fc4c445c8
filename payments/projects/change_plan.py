"""Move an end user's subscription to another price."""

from __future__ import annotations

from dataclasses import dataclass

from payments.gateway.billing import PriceChange
from payments.gateway.billing_results import Plain, Price
from payments.gateway.errors import Declined, Rejected
from payments.projects.buyers import Buyer, approach, demand_other, subscription_of
from payments.projects.checkout import get_price
from payments.projects.errors import InvalidPrice, ManagedBySchedule
from payments.projects.guards import Seat
from payments.projects.known import find_subscription, read_state, take_in
from payments.projects.metadata import MOST_KEYS, PLAN
from payments.projects.models.ledger import FINAL
from payments.projects.refusals import refuse, telling_refusals
from payments.projects.sync.fetch import fetching
from payments.projects.sync.items import find_by_price
from payments.projects.sync.shapes import SubscriptionState

# https://docs.stripe.com/billing/subscriptions/prorations
CREATE_PRORATIONS, NONE, ALWAYS_INVOICE = "create_prorations", "none", "always_invoice"
PRORATIONS = (CREATE_PRORATIONS, NONE, ALWAYS_INVOICE)

ACTION = "change a plan"
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
    """Swap the price of the subscription's plan; the same price again costs nothing.

    Its add-ons stay as they are. InvalidPrice for a price that is unknown, not recurring, sold as
    an add-on already, or that Stripe cannot put in its place (another currency, say).
    ManagedBySchedule under a schedule: its next phase would bring the old price back.
    """
    buyer = approach(seat, test_mode=test_mode)
    with telling_refusals(buyer, ACTION):
        found = _find_changeable(buyer, subscription_of(buyer))
        if found is not None:
            return _change_price(buyer, found, price_id, proration)
    demand_other(buyer)
    return change_plan(seat, price_id, proration=proration, test_mode=test_mode)


def _find_changeable(buyer: Buyer, subscription: str) -> Plain | None:
    found = find_subscription(buyer, subscription)
    return None if found is None or found["status"] in FINAL else found


def _change_price(buyer: Buyer, found: Plain, price_id: str, proration: str) -> Changed:
    state = read_state(buyer, found)
    if state.price == price_id:
        return Changed(state.id, state.status, price_id, SAME)
    price = get_price(buyer, price_id, recurring=True)
    if state.schedule is not None:
        raise ManagedBySchedule
    with fetching(buyer.account) as fetch:
        changed = _swap_price(buyer, _describe_change(state, found, price, proration))
    take_in(buyer, changed, fetch, plan_name=price.product_name)
    return Changed(state.id, changed["status"], price_id, CHANGED)


def _describe_change(
    state: SubscriptionState, found: Plain, price: Price, proration: str
) -> PriceChange:
    """Name the plan's item and its new price; one that was metered is held once from now on."""
    if state.plan.id is None or find_by_price(state.add_ons, price.id):
        raise InvalidPrice("Invalid price: it does not fit this subscription")
    return PriceChange(
        subscription=state.id,
        item=state.plan.id,
        price=price.id,
        quantity=None if price.is_metered else state.plan.shown_quantity,
        proration=proration,
        metadata=_mark_plan(found, price.id),
    )


def _mark_plan(found: Plain, price_id: str) -> dict[str, str]:
    """Let the subscription say which of its prices is the plan, if a key is left for it."""
    held = found.get("metadata") or {}
    return {PLAN: price_id} if PLAN in held or len(held) < MOST_KEYS else {}


def _swap_price(buyer: Buyer, change: PriceChange) -> Plain:
    try:
        return buyer.billing.change_price(change, key=buyer.key("change-plan"))
    except Declined as error:
        refuse(buyer, ACTION, error)
        raise InvalidPrice(f"The change could not be paid: {error.message}") from error
    except Rejected as error:
        told = refuse(buyer, ACTION, error)
        if isinstance(told, ManagedBySchedule):
            raise told from error
        raise InvalidPrice("Invalid price: it does not fit this subscription") from error
