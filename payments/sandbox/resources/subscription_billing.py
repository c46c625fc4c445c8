"""Invoices that are due at once: the first one, and those that a change asks for."""

from ..call import Call
from ..errors import ApiError, invalid
from ..messages import Json
from ..objects import Record
from . import (
    invoice_collection,
    invoice_finishing,
    invoice_items,
    invoice_payments,
    payment_methods,
    price_amounts,
    subscription_parts,
)
from .subscription_states import owe


def add_items(call: Call, customer: Record, subscription: Record, entries: list[Json]) -> None:
    """One-time prices that go on the same invoice."""
    for index, entry in enumerate(entries):
        param = f"add_invoice_items[{index}]"
        price = subscription_parts.resolve(call, entry, param)
        if price["recurring"] is not None:
            raise invalid("Only one-time prices can be added here.", param=f"{param}[price]")
        quantity = entry.get("quantity", 1)
        made = {
            "amount": price_amounts.amount_of(call, price, quantity),
            "currency": price["currency"],
            "price": price,
            "quantity": quantity,
            "subscription": subscription.id,
        }
        invoice_items.make(call, customer, made)


def check_method(call: Call, customer_id: str, method_id: str | None) -> str | None:
    if method_id is None:
        return None
    method = payment_methods.referenced(call, method_id, "default_payment_method")
    if method.data["customer"] != customer_id:
        raise invalid(
            f"The customer does not have a payment method with the ID {method.id}. The payment"
            " method must be attached to the customer.",
            "resource_missing",
            "default_payment_method",
        )
    return method.id


def bill(call: Call, invoice: Record, params: Json) -> ApiError | None:
    """Finalize and charge as the `payment_behavior` says; gives back why it was refused."""
    behavior = params.get("payment_behavior") or "allow_incomplete"
    invoice_finishing.finalize(call, invoice)
    invoice = call.fresh(invoice)
    if invoice.data["status"] != "open" or not invoice.data["auto_advance"]:
        return None
    if behavior == "default_incomplete":
        return None
    off_session = bool(params.get("off_session"))
    refusal = invoice_collection.collect(call, invoice, off_session=off_session)
    if behavior == "error_if_incomplete":
        _insist(call, invoice, refusal)
    return refusal


def _insist(call: Call, invoice: Record, refusal: ApiError | None) -> None:
    """Nothing of what was done stays."""
    if refusal is not None:
        refusal.keeps_effects = False
        raise refusal
    intent = invoice_payments.intent_of(call, invoice.id)
    if intent is not None and intent.data["status"] == "requires_action":
        raise ApiError(
            402,
            "Payment for this subscription requires additional user action before it can be"
            " completed successfully. Payment can be completed using the PaymentIntent associated"
            " with `subscription.latest_invoice`.",
            kind="card_error",
            code="subscription_payment_intent_requires_action",
        )


def bill_change(call: Call, subscription: Record, invoice: Record, params: Json) -> None:
    bill(call, invoice, params)
    left_open = call.fresh(invoice).data["status"] == "open"
    if left_open and params.get("payment_behavior") == "default_incomplete":
        owe(call, call.fresh(subscription))


def needs_method(call: Call, invoice: Record, params: Json) -> None:
    """Without a method there is no use in starting, unless the first payment comes later."""
    data = invoice.data
    if data["amount_due"] == 0 or data["collection_method"] != "charge_automatically":
        return
    if params.get("payment_behavior") == "default_incomplete":
        return
    if invoice_collection.default_method(call, data) is None:
        raise invalid(invoice_collection.NO_METHOD, "resource_missing")
