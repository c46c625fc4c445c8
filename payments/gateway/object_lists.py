"""Stripe's lists of an account's objects, a hundred at a time: what a comparison goes by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import stripe

from payments.extensions import settings
from payments.gateway import results
from payments.gateway.billing_results import Plain
from payments.gateway.client import client
from payments.gateway.errors import translated
from payments.gateway.results import Card, Dispute, Payment, RefundResult

PAGE = 100  # the most that Stripe gives: https://docs.stripe.com/api/pagination

T = TypeVar("T")


@dataclass(frozen=True)
class Page(Generic[T]):
    """Objects, the newest first; `after` is the cursor of the next page, if there is `more`."""

    items: list[T]
    after: str | None
    more: bool


def account(secret_key: str | None) -> ObjectLists:
    """Return the lists of the account of this key; BadCredentials when there is none."""
    return ObjectLists(client(secret_key, settings().stripe_api_base))


def platform() -> ObjectLists:
    """Return the lists of our own account."""
    return account(settings().stripe_secret_key)


class ObjectLists:
    """One account. Every method raises one of the six errors of `gateway.errors`.

    The SDK's objects are left aside where an object is large: building a hundred of them costs
    ten times as much as reading the page.
    """

    def __init__(self, stripe_client: stripe.StripeClient) -> None:
        self._client = stripe_client

    def subscriptions(self, after: str | None) -> Page[Plain]:
        """List all subscriptions, those that are over too; none that stand on a test clock.

        https://docs.stripe.com/api/subscriptions/list
        """
        return self._page("subscriptions", dict, after, status="all")

    def invoice_payments(self, after: str | None) -> Page[Plain]:
        """List which PaymentIntent pays which invoice, with all of the three in full.

        https://docs.stripe.com/api/invoice-payment/list
        """
        whole = ["data.invoice", "data.payment.payment_intent.latest_charge"]
        return self._page("invoice_payments", dict, after, expand=whole)

    def completed_sessions(self, after: str | None) -> Page[Plain]:
        """List Checkout sessions that were gone through, with their PaymentIntent and charge.

        https://docs.stripe.com/api/checkout/sessions/list
        """
        whole = ["data.payment_intent.latest_charge"]
        return self._page("checkout/sessions", dict, after, status="complete", expand=whole)

    def payments(self, after: str | None, *, since: int) -> Page[Payment]:
        """List the PaymentIntents created at or after `since` (seconds since 1970)."""
        read, created = results.payment_of_event, {"gte": since}
        return self._page("payment_intents", read, after, created=created)

    def refunds(self, after: str | None, *, since: int) -> Page[RefundResult]:
        """List the refunds created at or after `since`, however they were made."""
        return self._page("refunds", results.refund_of_list, after, created={"gte": since})

    def disputes(self, after: str | None, *, since: int) -> Page[Dispute]:
        """List the disputes created at or after `since` (seconds since 1970), inquiries too.

        https://docs.stripe.com/api/disputes/list
        """
        return self._page("disputes", results.read_dispute, after, created={"gte": since})

    def cards(self, customer: str) -> list[Card]:
        """List the cards that are attached to a customer.

        https://docs.stripe.com/api/payment_methods/customer_list
        """
        params: Any = {"type": "card", "limit": PAGE}
        with translated():
            listed = self._client.v1.customers.payment_methods.list(customer, params)
            return [results.card(method) for method in listed.data]

    def _page(
        self, path: str, read: Callable[[Plain], T], after: str | None, **params: Any
    ) -> Page[T]:
        if after is not None:
            params["starting_after"] = after
        with translated():
            answer: Any = self._client.raw_request("get", f"/v1/{path}", limit=PAGE, **params)
        items: list[Plain] = answer.data["data"]
        last = items[-1]["id"] if items else None
        return Page([read(item) for item in items], last, bool(answer.data["has_more"]))
