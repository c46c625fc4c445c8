"""The calls that this service makes to one Stripe account, each named for what it is for."""

from __future__ import annotations

from typing import Any

import stripe

from payments.extensions import settings
from payments.gateway import results
from payments.gateway.client import client
from payments.gateway.errors import Rejected, translated
from payments.gateway.results import Card, Dispute, Payment, RefundResult, Setup

# How many pages of a hundred a look-up reads at most: a customer with more has another problem.
_MOST_PAGES = 20


def platform() -> Gateway:
    """Return the gateway of our own account; BadCredentials when no key is set."""
    held = settings()
    return Gateway(client(held.stripe_secret_key, held.stripe_api_base))


def account(secret_key: str) -> Gateway:
    """Return the gateway of a developer's own account, by its secret key."""
    return Gateway(client(secret_key, settings().stripe_api_base))


class Gateway:
    """One Stripe account. Every method raises one of the six errors of `gateway.errors`."""

    def __init__(self, stripe_client: stripe.StripeClient) -> None:
        self._v1 = stripe_client.v1

    def create_customer(self, *, email: str, metadata: dict[str, str], key: str) -> str:
        """Create a customer and return its id."""
        with translated():
            params: Any = {"email": email, "metadata": metadata}
            return self._v1.customers.create(params, {"idempotency_key": key}).id

    def create_setup(self, customer: str, *, metadata: dict[str, str]) -> Setup:
        """Open a SetupIntent for a card that will be charged while its holder is away."""
        params: Any = {
            "customer": customer,
            "usage": "off_session",
            "allowed_payment_method_types": ["card"],
            "metadata": metadata,
        }
        with translated():
            return results.setup(self._v1.setup_intents.create(params))

    def get_setup(self, setup_id: str) -> Setup:
        with translated():
            return results.setup(self._v1.setup_intents.retrieve(setup_id))

    def get_card(self, method_id: str) -> Card:
        with translated():
            return results.card(self._v1.payment_methods.retrieve(method_id))

    def describe_card(self, method_id: str, *, name: str | None, postal_code: str | None) -> Card:
        """Send the billing name and postal code that the customer typed in."""
        details: dict[str, Any] = {}
        if name is not None:
            details["name"] = name
        if postal_code is not None:
            details["address"] = {"postal_code": postal_code}
        params: Any = {"billing_details": details}
        with translated():
            return results.card(self._v1.payment_methods.update(method_id, params))

    def attach_card(self, method_id: str, customer: str) -> Card:
        with translated():
            return results.card(self._v1.payment_methods.attach(method_id, {"customer": customer}))

    def detach_card(self, method_id: str) -> None:
        """Detach for good; a method that is gone or already detached is no error.

        https://docs.stripe.com/api/payment_methods/detach
        """
        try:
            with translated():
                self._v1.payment_methods.detach(method_id)
        except Rejected:
            return

    def set_default_card(self, customer: str, method_id: str | None) -> None:
        params: Any = {"invoice_settings": {"default_payment_method": method_id or ""}}
        with translated():
            self._v1.customers.update(customer, params)

    def create_payment_intent(
        self,
        *,
        amount: int,
        currency: str,
        customer: str,
        payment_method: str,
        description: str,
        metadata: dict[str, str],
        key: str,
    ) -> Payment:
        """Create a PaymentIntent of `amount` minor units without confirming it: nobody pays yet.

        https://docs.stripe.com/payments/paymentintents/lifecycle
        """
        params: Any = {
            "amount": amount,
            "currency": currency,
            "customer": customer,
            "payment_method": payment_method,
            "allowed_payment_method_types": ["card"],
            "description": description,
            "metadata": metadata,
        }
        with translated():
            return results.payment(
                self._v1.payment_intents.create(params, {"idempotency_key": key})
            )

    def confirm_payment_intent(self, payment_id: str, *, key: str) -> Payment:
        """Take the money, the payer being away; one PaymentIntent takes it once at most.

        The payment method is not named again: after a decline the PaymentIntent has none left, so
        a confirmation that comes late cannot charge the card once more.
        https://docs.stripe.com/api/payment_intents/confirm
        """
        params: Any = {"off_session": True}
        with translated():
            return results.payment(
                self._v1.payment_intents.confirm(payment_id, params, {"idempotency_key": key})
            )

    def get_payment(self, payment_id: str) -> Payment:
        with translated():
            return results.payment(self._v1.payment_intents.retrieve(payment_id))

    def cancel_payment(self, payment_id: str) -> Payment:
        """Cancel what is not settled; Rejected when it has succeeded or is canceled already.

        https://docs.stripe.com/api/payment_intents/cancel
        """
        params: Any = {"cancellation_reason": "abandoned"}
        with translated():
            return results.payment(self._v1.payment_intents.cancel(payment_id, params))

    def find_payments(self, customer: str, *, since: int) -> list[Payment]:
        """List the customer's PaymentIntents created at or after `since` (seconds since 1970).

        The list is read, not Stripe's search: what was made a moment ago is in it.
        """
        params: Any = {"customer": customer, "created": {"gte": since}, "limit": 100}
        with translated():
            pages = self._v1.payment_intents.list(params).auto_paging_iter()
            return [
                results.payment(intent)
                for intent, _ in zip(pages, range(_MOST_PAGES * 100), strict=False)
            ]

    def refund(
        self, payment_id: str, *, amount: int | None, metadata: dict[str, str], key: str
    ) -> RefundResult:
        """Give back `amount` minor units of a PaymentIntent (None: all that is left)."""
        params: Any = {
            "payment_intent": payment_id,
            "reason": "requested_by_customer",
            "metadata": metadata,
        }
        if amount is not None:
            params["amount"] = amount
        with translated():
            return results.refund(self._v1.refunds.create(params, {"idempotency_key": key}))

    def get_refund(self, refund_id: str) -> RefundResult:
        with translated():
            return results.refund(self._v1.refunds.retrieve(refund_id))

    def list_refunds(self, payment_id: str) -> list[RefundResult]:
        """Return all refunds of a PaymentIntent, however they were made."""
        params: Any = {"payment_intent": payment_id, "limit": 100}
        with translated():
            pages = self._v1.refunds.list(params).auto_paging_iter()
            return [results.refund(made) for made in pages]

    def get_dispute(self, dispute_id: str) -> Dispute:
        """Return a dispute as it stands now.

        https://docs.stripe.com/api/disputes/retrieve
        """
        with translated():
            return results.read_dispute(self._v1.disputes.retrieve(dispute_id).to_dict())
