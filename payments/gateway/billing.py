"""The calls to a developer's own Stripe account: doors for end users, and the state of objects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import stripe

from payments.extensions import settings
from payments.gateway import billing_results as results
from payments.gateway.billing_results import ClosedPage, HostedPage, Plain, Price
from payments.gateway.client import client
from payments.gateway.errors import Rejected, translated

# https://docs.stripe.com/api/checkout/sessions/object#checkout_session_object-status
OPEN_PAGE = "open"
# How many objects a list of one payment or invoice can hold at most: more is another problem.
_MOST = 1000


def account(secret_key: str | None) -> Billing:
    """Return the billing side of the account of this key; BadCredentials when there is none."""
    return Billing(client(secret_key, settings().stripe_api_base))


@dataclass(frozen=True)
class Order:
    """What a Checkout page is to sell, to whom, and where its buyer goes afterwards.

    `quantity` is None for a metered price. What the page makes carries the page's `metadata` and
    `made_metadata`.
    """

    mode: str
    customer: str
    price: str
    quantity: int | None
    success_url: str
    cancel_url: str
    reference: str
    metadata: dict[str, str]
    made_metadata: dict[str, str]
    trial_days: int | None


@dataclass(frozen=True)
class PriceChange:
    """Which item of a subscription is to get which price; `quantity` is None for a metered one."""

    subscription: str
    item: str
    price: str
    quantity: int | None
    proration: str
    metadata: dict[str, str]


class Billing:
    """One developer's account. Every method raises one of the six errors of `gateway.errors`.

    Those that tell the state of an object return Stripe's JSON as plain values, in the API version
    that the SDK pins; `Rejected` with the code `resource_missing` says that it is not there.
    """

    def __init__(self, stripe_client: stripe.StripeClient) -> None:
        self._v1 = stripe_client.v1

    # Doors

    def check_key(self) -> bool:
        """Ask for the balance, the cheapest proof that the key works; tell whether it is live.

        https://docs.stripe.com/api/balance/balance_retrieve
        """
        with translated():
            return bool(self._v1.balance.retrieve().livemode)

    def create_customer(
        self, *, email: str, name: str | None, metadata: dict[str, str], key: str
    ) -> str:
        """Create a customer and return its id."""
        params: Any = {"email": email, "metadata": metadata}
        if name:
            params["name"] = name
        with translated():
            return self._v1.customers.create(params, {"idempotency_key": key}).id

    def get_price(self, price_id: str) -> Price:
        params: Any = {"expand": ["product"]}
        with translated():
            return results.price(self._v1.prices.retrieve(price_id, params))

    def create_checkout_session(self, order: Order, *, key: str) -> HostedPage:
        """Open a Checkout page; the order's metadata also goes to what it makes.

        https://docs.stripe.com/api/checkout/sessions/create (`line_items.quantity`: not for
        metered prices)
        """
        params: Any = {
            "mode": order.mode,
            "customer": order.customer,
            "client_reference_id": order.reference,
            "line_items": [_describe_line(order.price, order.quantity)],
            "success_url": order.success_url,
            "cancel_url": order.cancel_url,
            "metadata": order.metadata,
            **_made_by(order),
        }
        with translated():
            made = self._v1.checkout.sessions.create(params, {"idempotency_key": key})
            return results.hosted_page(made)

    def close_checkout_session(self, session_id: str) -> ClosedPage:
        """Let nobody pay on a Checkout page any more; one that was paid stays complete.

        Rejected when the page stays open: it can still be paid.
        https://docs.stripe.com/api/checkout/sessions/expire
        """
        pages = self._v1.checkout.sessions
        try:
            with translated():
                return results.closed_page(pages.expire(session_id))
        except Rejected:  # mostly because it is not open any more: paid, or expired before
            with translated():
                found = results.closed_page(pages.retrieve(session_id))
            if found.status == OPEN_PAGE:
                raise
            return found

    def create_portal_session(self, customer: str, *, return_url: str, key: str) -> HostedPage:
        """Open the customer portal, which allows what the account's dashboard says.

        https://docs.stripe.com/api/customer_portal/sessions/create
        """
        params: Any = {"customer": customer, "return_url": return_url}
        with translated():
            made = self._v1.billing_portal.sessions.create(params, {"idempotency_key": key})
            return results.hosted_page(made)

    # Subscriptions

    def list_statuses(self, customer: str) -> dict[str, str]:
        """Return the statuses of a customer's subscriptions by id, without the canceled ones.

        https://docs.stripe.com/api/subscriptions/list
        """
        params: Any = {"customer": customer, "limit": 100}
        with translated():
            pages = self._v1.subscriptions.list(params).auto_paging_iter()
            return {held.id: held.status for held, _ in zip(pages, range(_MOST), strict=False)}

    def cancel_at_period_end(self, subscription_id: str, *, key: str) -> Plain:
        """Let a subscription end with what is paid; asking again changes nothing.

        https://docs.stripe.com/billing/subscriptions/cancel
        """
        params: Any = {"cancel_at_period_end": True}
        with translated():
            changed = self._v1.subscriptions.update(
                subscription_id, params, {"idempotency_key": key}
            )
            return self._read_whole(changed)

    def cancel_now(self, subscription_id: str) -> Plain:
        """End a subscription at once; Rejected when it has ended already."""
        with translated():
            return self._read_whole(self._v1.subscriptions.cancel(subscription_id))

    def release_schedule(self, schedule_id: str) -> None:
        """Let a subscription go on without its schedule; an end that was set for it stays.

        https://docs.stripe.com/api/subscription_schedules/release
        """
        params: Any = {"preserve_cancel_date": True}
        with translated():
            self._v1.subscription_schedules.release(schedule_id, params)

    def cancel_schedule(self, schedule_id: str) -> None:
        """End a schedule and its subscription at once.

        https://docs.stripe.com/api/subscription_schedules/cancel
        """
        with translated():
            self._v1.subscription_schedules.cancel(schedule_id)

    def change_price(self, change: PriceChange, *, key: str) -> Plain:
        """Swap the price of one item; the others are not named, so they stay as they are.

        https://docs.stripe.com/billing/subscriptions/change-price
        """
        params: Any = {
            "items": [{"id": change.item, **_describe_line(change.price, change.quantity)}],
            "proration_behavior": change.proration,
        }
        if change.metadata:
            params["metadata"] = change.metadata
        with translated():
            changed = self._v1.subscriptions.update(
                change.subscription, params, {"idempotency_key": key}
            )
            return self._read_whole(changed)

    # The present state of objects, as events would carry it

    def get_subscription(self, subscription_id: str) -> Plain:
        """Return a subscription with all of its items."""
        with translated():
            return self._read_whole(self._v1.subscriptions.retrieve(subscription_id))

    def _read_whole(self, found: stripe.Subscription) -> Plain:
        """Read a subscription; items beyond those that it carries are listed.

        https://docs.stripe.com/api/subscription_items/list
        """
        held = results.plain(found)
        if (held.get("items") or {}).get("has_more"):
            params: Any = {"subscription": held["id"], "limit": 100}
            every = _read(self._v1.subscription_items.list(params).auto_paging_iter())
            held["items"] = {**held["items"], "data": every, "has_more": False}
        return held

    def get_invoice(self, invoice_id: str) -> Plain:
        """Return an invoice with all the payments that were made on it.

        Its own list holds the first ten: https://docs.stripe.com/api/invoices/object
        """
        params: Any = {"expand": ["payments"]}
        with translated():
            found = results.plain(self._v1.invoices.retrieve(invoice_id, params))
            if (found.get("payments") or {}).get("has_more"):
                every: Any = {"invoice": invoice_id, "limit": 100}
                pages = self._v1.invoice_payments.list(every).auto_paging_iter()
                found["payments"] = {"object": "list", "data": _read(pages), "has_more": False}
            return found

    def get_payment(self, payment_id: str) -> Plain:
        """Return a PaymentIntent with its latest charge."""
        params: Any = {"expand": ["latest_charge"]}
        with translated():
            return results.plain(self._v1.payment_intents.retrieve(payment_id, params))

    def get_charge(self, charge_id: str) -> Plain:
        with translated():
            return results.plain(self._v1.charges.retrieve(charge_id))

    def get_product_name(self, product_id: str) -> str | None:
        with translated():
            return self._v1.products.retrieve(product_id).name

    def list_refunds(self, payment_id: str) -> list[Plain]:
        """Return all refunds of a PaymentIntent or charge, however they were made."""
        params: Any = {_name_payment(payment_id): payment_id, "limit": 100}
        with translated():
            return _read(self._v1.refunds.list(params).auto_paging_iter())

    def list_disputes(self, payment_id: str) -> list[Plain]:
        """Return all disputes of a PaymentIntent or charge, the closed ones too."""
        params: Any = {_name_payment(payment_id): payment_id, "limit": 100}
        with translated():
            return _read(self._v1.disputes.list(params).auto_paging_iter())

    def find_invoice_of(self, payment_id: str) -> str | None:
        """Return the invoice that a PaymentIntent pays; none of them says so itself any more.

        https://docs.stripe.com/api/invoice-payment/list
        """
        params: Any = {"payment": {"type": "payment_intent", "payment_intent": payment_id}}
        with translated():
            found = [results.plain(made) for made in self._v1.invoice_payments.list(params).data]
        held = found[0]["invoice"] if found else None
        return str(held["id"]) if isinstance(held, dict) else held


def _describe_line(price: str, quantity: int | None) -> dict[str, Any]:
    return {"price": price} if quantity is None else {"price": price, "quantity": quantity}


def _made_by(order: Order) -> dict[str, Any]:
    """Describe what a session makes: a subscription, or a payment."""
    if order.mode == "payment":
        return {"payment_intent_data": {"metadata": order.metadata}}
    data: dict[str, Any] = {"metadata": {**order.metadata, **order.made_metadata}}
    if order.trial_days:
        data["trial_period_days"] = order.trial_days
    return {"subscription_data": data}


def _name_payment(payment_id: str) -> str:
    """Name the parameter of a payment's id: old invoices have charges without PaymentIntents."""
    return "charge" if payment_id.startswith(("ch_", "py_")) else "payment_intent"


def _read(pages: Iterator[Any]) -> list[Plain]:
    return [results.plain(found) for found, _ in zip(pages, range(_MOST), strict=False)]
