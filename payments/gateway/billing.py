"""The calls to a developer's own Stripe account: doors for end users, and the state of objects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import stripe

from payments.extensions import settings
from payments.gateway import billing_results as results
from payments.gateway.billing_results import ClosedPage, HostedPage, Plain, Plan, Price
from payments.gateway.client import client
from payments.gateway.errors import Rejected, translated

# How many objects a list of one payment or invoice can hold at most: more is another problem.
_MOST = 1000


def account(secret_key: str | None) -> Billing:
    """Return the billing side of the account of this key; BadCredentials when there is none."""
    return Billing(client(secret_key, settings().stripe_api_base))


@dataclass(frozen=True)
class Order:
    """What a Checkout page is to sell, to whom, and where its buyer goes afterwards."""

    mode: str
    customer: str
    price: str
    quantity: int
    success_url: str
    cancel_url: str
    reference: str
    metadata: dict[str, str]
    trial_days: int | None


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

        https://docs.stripe.com/api/checkout/sessions/create
        """
        params: Any = {
            "mode": order.mode,
            "customer": order.customer,
            "client_reference_id": order.reference,
            "line_items": [{"price": order.price, "quantity": order.quantity}],
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

        https://docs.stripe.com/api/checkout/sessions/expire
        """
        pages = self._v1.checkout.sessions
        try:
            with translated():
                return results.closed_page(pages.expire(session_id))
        except Rejected:  # it is not open any more: paid, or expired before
            with translated():
                return results.closed_page(pages.retrieve(session_id))

    def create_portal_session(self, customer: str, *, return_url: str, key: str) -> HostedPage:
        """Open the customer portal, which allows what the account's dashboard says.

        https://docs.stripe.com/api/customer_portal/sessions/create
        """
        params: Any = {"customer": customer, "return_url": return_url}
        with translated():
            made = self._v1.billing_portal.sessions.create(params, {"idempotency_key": key})
            return results.hosted_page(made)

    # Subscriptions

    def get_plan(self, subscription_id: str) -> Plan:
        with translated():
            return results.plan(self._v1.subscriptions.retrieve(subscription_id))

    def list_statuses(self, customer: str) -> list[str]:
        """Return the statuses of a customer's subscriptions that are not over."""
        params: Any = {"customer": customer, "limit": 100}
        with translated():
            return [held.status for held in self._v1.subscriptions.list(params).data]

    def cancel_at_period_end(self, subscription_id: str, *, key: str) -> Plan:
        """Let a subscription end with what is paid; asking again changes nothing.

        https://docs.stripe.com/billing/subscriptions/cancel
        """
        params: Any = {"cancel_at_period_end": True}
        with translated():
            changed = self._v1.subscriptions.update(
                subscription_id, params, {"idempotency_key": key}
            )
            return results.plan(changed)

    def cancel_now(self, subscription_id: str) -> Plan:
        """End a subscription at once; Rejected when it has ended already."""
        with translated():
            return results.plan(self._v1.subscriptions.cancel(subscription_id))

    def change_price(self, plan: Plan, price_id: str, *, proration: str, key: str) -> Plan:
        """Swap the price of the subscription's item, keeping its quantity.

        https://docs.stripe.com/billing/subscriptions/change-price
        """
        item: dict[str, Any] = {"id": plan.item, "price": price_id}
        if plan.quantity is not None:  # metered prices have none
            item["quantity"] = plan.quantity
        params: Any = {"items": [item], "proration_behavior": proration}
        with translated():
            changed = self._v1.subscriptions.update(plan.id, params, {"idempotency_key": key})
            return results.plan(changed)

    # The present state of objects, as events would carry it

    def get_subscription(self, subscription_id: str) -> Plain:
        with translated():
            return results.plain(self._v1.subscriptions.retrieve(subscription_id))

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


def _made_by(order: Order) -> dict[str, Any]:
    """Describe what a session makes: a subscription, or a payment."""
    if order.mode == "payment":
        return {"payment_intent_data": {"metadata": order.metadata}}
    data: dict[str, Any] = {"metadata": order.metadata}
    if order.trial_days:
        data["trial_period_days"] = order.trial_days
    return {"subscription_data": data}


def _name_payment(payment_id: str) -> str:
    """Name the parameter of a payment's id: old invoices have charges without PaymentIntents."""
    return "charge" if payment_id.startswith(("ch_", "py_")) else "payment_intent"


def _read(pages: Iterator[Any]) -> list[Plain]:
    return [results.plain(found) for found, _ in zip(pages, range(_MOST), strict=False)]
