"""Charges made without a payment intent; https://docs.stripe.com/api/charges/create."""

from ..call import Call
from ..errors import ApiError, invalid, missing_param
from ..messages import Json
from ..money import check_chargeable, check_currency
from ..objects import Record
from ..params import (
    SHIPPING,
    Schema,
    anything,
    boolean,
    email,
    integer,
    merge_metadata,
    metadata,
    text,
    word,
)
from ..registry import route
from . import charges, payment_methods, saved_cards
from .payment_intents import chargeable
from .transfers import CONNECT

NEW: Schema = {
    **CONNECT,
    "amount": chargeable,
    "capture": boolean,
    "currency": word(),
    "customer": text(),
    "description": text(),
    "metadata": metadata,
    "radar_options": anything,
    "receipt_email": email,
    "shipping": SHIPPING,
    "source": text(),
    "statement_descriptor": text(22),
    "statement_descriptor_suffix": text(22),
    "transfer_group": text(),
}
INHERITED = (
    "application_fee_amount", "description", "on_behalf_of", "receipt_email", "shipping",
    "statement_descriptor", "statement_descriptor_suffix", "transfer_data", "transfer_group",
)  # fmt: skip


@route("POST", "/v1/charges", NEW, ["amount", "currency"])
def create(call: Call) -> Json:
    params = call.params
    currency = check_currency(params["currency"])
    check_chargeable(params["amount"], currency)
    customer = params.get("customer") and call.reference("customer", params["customer"], "customer")
    method = _method(call, customer or None)
    order = {
        **{name: params.get(name) for name in INHERITED},
        "id": None,
        "amount": params["amount"],
        "capture_method": "automatic" if params.get("capture", True) else "manual",
        "currency": currency,
        "customer": customer.id if customer else None,
        "livemode": call.account.livemode,
        "metadata": merge_metadata({}, params.get("metadata") or {}),
    }
    decline = saved_cards.card_of(method).charge
    made = charges.make(call, order, method, decline)
    if decline is not None:
        raise _declined(decline.error(), made)
    return made.data


def _method(call: Call, customer: Record | None) -> Record:
    """The card of a token, one of the customer's own, or the customer's default."""
    source = call.params.get("source")
    if source is None and customer is not None:
        source = customer.data["default_source"]
        if source is None:
            message = "Cannot charge a customer that has no active card"
            raise ApiError(402, message, kind="card_error", code="missing")
    if source is None:
        raise missing_param("source")
    if source.startswith("tok_"):
        given = {"type": "card", "card": {"token": source}}
        return payment_methods.make(call, given, prefix="card")
    method = call.reference("payment_method", source, "source")
    saved_cards.check_usable(method, customer.id if customer else None)
    return method


def _declined(error: Json, made: Record) -> ApiError:
    """The charge stays on record while the caller gets a 402."""
    message, kind = error.pop("message"), error.pop("type")
    return ApiError(402, message, kind=kind, keeps_effects=True, charge=made.id, **error)


@route("POST", "/v1/charges/{id}/capture", {"amount": integer(1), "receipt_email": email})
def capture(call: Call) -> Json:
    record = call.subject("charge")
    data, amount = record.data, call.params.get("amount")
    if data["payment_intent"] is not None:
        raise invalid("Charges of PaymentIntents are captured by capturing the PaymentIntent.")
    if data["captured"] or data["refunded"] or data["status"] != "succeeded":
        raise invalid(f"Charge {record.id} has already been captured.", "charge_already_captured")
    if amount is not None and amount > data["amount"]:
        raise invalid("You cannot capture more than was authorized.", param="amount")
    data.update(captured=True, amount_captured=amount or data["amount"])
    charges.book(call, record, data["amount_captured"])
    call.objects.save(record)
    call.emit("charge.captured", record.data)
    return record.data
