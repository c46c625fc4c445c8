"""Send an end user to Stripe's Checkout: for a subscription, or to pay once."""

from __future__ import annotations

import re
from dataclasses import dataclass

from payments.gateway.billing import Order
from payments.gateway.billing_results import HostedPage, Price
from payments.gateway.errors import Rejected
from payments.projects import errors, sessions
from payments.projects.buyers import Buyer, approach
from payments.projects.customers import ensure_customer, replace_customer
from payments.projects.guards import Seat
from payments.projects.metadata import MOST_KEYS, PLAN, PROJECT, SECOND, USER
from payments.projects.refusals import refuse, telling_refusals
from payments.projects.sessions import SUBSCRIPTION
from payments.projects.standing import refuse_second
from payments.projects.trials import grants_trial
from payments.projects.urls import demand_live_origins

PAYMENT = "payment"
ACTION = "open Checkout"
# Old plans carry names of their developers' own; a path is nobody's.
_PRICE_ID = re.compile(r"(?!\.+$)[\x21-\x2e\x30-\x7e]{1,255}")


@dataclass(frozen=True)
class Wish:
    """What the end user wants to buy, and where their browser goes afterwards."""

    price_id: str
    success_url: str
    cancel_url: str
    mode: str
    quantity: int
    metadata: dict[str, str]
    allow_existing_subscription: bool

    @property
    def refuses_second(self) -> bool:
        """Tell a wish for the only subscription from one for another, or for no subscription."""
        return self.mode == SUBSCRIPTION and not self.allow_existing_subscription


def open_checkout(seat: Seat, wish: Wish, *, test_mode: bool) -> HostedPage:
    """Open a Checkout page; AlreadySubscribed beside a subscription that is not over.

    One whose first payment never came is ended instead. Only the customer and the page are stored:
    the subscription arrives by webhook once it is paid. Pages from before are closed unless this
    one may be paid beside them. StripeRefused, with the reason told to the developer, when the
    account cannot sell. UnfitForLiveMode, in live mode, for addresses that are not of an allowed
    origin over https.
    """
    allowed_origins = seat.project.allowed_origins
    buyer = approach(seat, test_mode=test_mode)
    if not test_mode:
        demand_live_origins((wish.success_url, wish.cancel_url), allowed_origins)
    with telling_refusals(buyer, ACTION):
        return _sell(buyer, wish)


def _sell(buyer: Buyer, wish: Wish) -> HostedPage:
    price = get_price(buyer, wish.price_id, recurring=wish.mode == SUBSCRIPTION)
    if wish.refuses_second:
        refuse_second(buyer)
    page = _opened(buyer, wish, price)
    place = sessions.keep(buyer, page, mode=wish.mode)
    if wish.mode == SUBSCRIPTION:
        _close_others(buyer, wish, page, place)
    return page


def _close_others(buyer: Buyer, wish: Wish, page: HostedPage, place: int) -> None:
    spared = 0 if wish.refuses_second else sessions.MOST_OPEN - 1
    was_paid = sessions.close_older(buyer, place, but=spared)
    if was_paid and wish.refuses_second:
        sessions.close(buyer, page.id)
        raise errors.AlreadySubscribed


def get_price(buyer: Buyer, price_id: str, *, recurring: bool) -> Price:
    """Return a price that can be bought in this way; InvalidPrice otherwise."""
    if not _PRICE_ID.fullmatch(price_id):
        raise errors.InvalidPrice
    try:
        price = buyer.billing.get_price(price_id)
    except Rejected as error:
        if not error.is_missing:
            refuse(buyer, "read a price", error)
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
        if not error.is_missing_customer:
            raise
    return _asked(buyer, wish, price, replace_customer(buyer, customer))


def _asked(buyer: Buyer, wish: Wish, price: Price, customer: str) -> HostedPage:
    metadata = {**wish.metadata, **_ours(buyer, wish)}
    order = Order(
        mode=wish.mode,
        customer=customer,
        price=price.id,
        quantity=None if price.is_metered else wish.quantity,
        success_url=wish.success_url,
        cancel_url=wish.cancel_url,
        reference=buyer.uuid,
        metadata=metadata,
        made_metadata={PLAN: price.id} if len(metadata) < MOST_KEYS else {},
        trial_days=price.trial_days if grants_trial(buyer) else None,
    )
    return buyer.billing.create_checkout_session(order, key=buyer.key(f"checkout-{customer}"))


def _ours(buyer: Buyer, wish: Wish) -> dict[str, str]:
    ours = {USER: buyer.uuid, PROJECT: buyer.project_id}
    if wish.mode == SUBSCRIPTION and wish.allow_existing_subscription:
        ours[SECOND] = "true"
    return ours
