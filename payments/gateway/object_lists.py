"""Stripe's lists of an account's objects, a hundred at a time: what a comparison goes by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import stripe

from payments.extensions import settings
from payments.gateway import results
from payments.gateway.billing_results import Plain, plain
from payments.gateway.client import client
from payments.gateway.errors import translated
from payments.gateway.results import Card, Payment, RefundResult

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
    """One account. Every method raises one of the six errors of `gateway.errors`."""

    def __init__(self, stripe_client: stripe.StripeClient) -> None:
        self._v1 = stripe_client.v1

    def subscriptions(self, after: str | None) -> Page[Plain]:
        """List all subscriptions, those that are over too; none that stand on a test clock.

        https://docs.stripe.com/api/subscriptions/list
        """
        return _page(self._v1.subscriptions.list, plain, after, status="all")

    def invoice_payments(self, after: str | None) -> Page[Plain]:
        """List which PaymentIntent pays which invoice, with all of the three in full.

        https://docs.stripe.com/api/invoice-payment/list
        """
        whole = ["data.invoice", "data.payment.payment_intent.latest_charge"]
        return _page(self._v1.invoice_payments.list, plain, after, expand=whole)

    def completed_sessions(self, after: str | None) -> Page[Plain]:
        """List Checkout sessions that were gone through, with their PaymentIntent and charge.

        https://docs.stripe.com/api/checkout/sessions/list
        """
        whole = ["data.payment_intent.latest_charge"]
        sessions = self._v1.checkout.sessions
        return _page(sessions.list, plain, after, status="complete", expand=whole)

    def payments(self, after: str | None, *, since: int) -> Page[Payment]:
        """List the PaymentIntents created at or after `since` (seconds since 1970)."""
        intents = self._v1.payment_intents
        return _page(intents.list, results.payment, after, created={"gte": since})

    def refunds(self, after: str | None, *, since: int) -> Page[RefundResult]:
        """List the refunds created at or after `since`, however they were made."""
        return _page(self._v1.refunds.list, results.refund, after, created={"gte": since})

    def cards(self, customer: str) -> Page[Card]:
        """List the cards that are attached to a customer.

        https://docs.stripe.com/api/payment_methods/customer_list
        """
        of_customer = self._v1.customers.payment_methods

        def listed(params: Any) -> Any:
            return of_customer.list(customer, params)

        return _page(listed, results.card, None, type="card")


def _page(
    listed: Callable[[Any], Any], read: Callable[[Any], T], after: str | None, **params: Any
) -> Page[T]:
    if after is not None:
        params["starting_after"] = after
    with translated():
        found = listed({"limit": PAGE, **params})
        last = found.data[-1].id if found.data else None
        return Page([read(each) for each in found.data], last, bool(found.has_more))
