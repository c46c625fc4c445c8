"""Send an end user to Stripe's Checkout: for a subscription, or to pay once."""

from __future__ import annotations

import re
from dataclasses import dataclass

from payments.gateway.billing import Order
from payments.gateway.billing_results import HostedPage, Price
from payments.gateway.errors import Rejected
from payments.projects import errors
from payments.projects.buyers import Buyer, approach
from payments.projects.customers import ensure_customer, replace_customer
from payments.projects.guards import Seat
from payments.projects.holdings import CURRENT

SUBSCRIPTION, PAYMENT = "subscription", "payment"

MISSING = "resource_missing"
# Old plans carry names of their developers' own; a path is nobody's.
_PRICE_ID = re.compile(r"(?!\.+$)[\x21-\x2e\x30-\x7e]{1,255}")


@dataclass(frozen=True)
class Wish:
    """What the end user wants to buy, and where his browser goes afterwards."""

    price_id: str
    success_url: str
    cancel_url: str
    mode: str
    quantity: int
    metadata: dict[str, str]
    allow_existing_subscription: bool


def open_checkout(seat: Seat, wish: Wish, *, test_mode: bool) -> HostedPage:
    """Open a Checkout page; AlreadySubscribed beside a subscription that is not over.

    Nothing is stored but the customer: the subscription arrives by webhook once it is paid.
    """
    buyer = approach(seat, test_mode=test_mode)
    second_refused = wish.mode == SUBSCRIPTION and not wish.allow_existing_subscription
    if second_refused and _is_subscribed(buyer):
        raise errors.AlreadySubscribed
    price = get_price(buyer, wish.price_id, recurring=wish.mode == SUBSCRIPTION)
    return _opened(buyer, wish, price)


def _is_subscribed(buyer: Buyer) -> bool:
    """Tell whether a subscription runs, by our rows or, as an event may be late, at Stripe."""
    if buyer.subscription is not None:
        return True
    if buyer.customer is None:
        return False
    try:
        held = buyer.billing.list_statuses(buyer.customer)
    except Rejected:  # the account does not know the customer: he will get another one
        return False
    return any(status in CURRENT for status in held)


def get_price(buyer: Buyer, price_id: str, *, recurring: bool) -> Price:
    """Return a price that can be bought in this way; InvalidPrice otherwise."""
    if not _PRICE_ID.fullmatch(price_id):
        raise errors.InvalidPrice
    try:
        price = buyer.billing.get_price(price_id)
    except Rejected as error:
        raise errors.InvalidPrice from error
    if not price.active:
        raise errors.InvalidPrice("Invalid price: it is no longer active")
    if price.recurring != recurring:
        kind = "recurring" if price.recurring else "one-time"
        raise errors.InvalidPrice(f"Invalid price: it is a {kind} one")
    return price


def _opened(buyer: Buyer, wish: Wish, price: Price) -> HostedPage:
    customer = ensure_customer(buyer)
    try:
        return _asked(buyer, wish, price, customer)
    except Rejected as error:
        # The price was there a moment ago: what is missing is the customer.
        if error.code != MISSING:
            raise errors.StripeRefused from error
    try:
        return _asked(buyer, wish, price, replace_customer(buyer, customer))
    except Rejected as error:
        raise errors.StripeRefused from error


def _asked(buyer: Buyer, wish: Wish, price: Price, customer: str) -> HostedPage:
    order = Order(
        mode=wish.mode,
        customer=customer,
        price=price.id,
        quantity=wish.quantity,
        success_url=wish.success_url,
        cancel_url=wish.cancel_url,
        reference=buyer.uuid,
        metadata={**wish.metadata, "user_id": buyer.uuid, "project_id": buyer.project_id},
        trial_days=price.trial_days,
    )
    return buyer.billing.create_checkout_session(order, key=buyer.key(f"checkout-{customer}"))
