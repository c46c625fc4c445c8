"""Invoice items: what waits to be billed; https://docs.stripe.com/api/invoiceitems."""

from ..call import Call
from ..errors import invalid
from ..ids import new_id
from ..listing import ABSENT, list_objects
from ..messages import Json
from ..money import check_currency
from ..objects import Record
from ..params import (
    PAGING,
    Schema,
    boolean,
    fields,
    integer,
    merge_metadata,
    metadata,
    text,
    time_range,
    word,
)
from ..registry import route
from . import invoice_totals, price_amounts, prices
from .invoice_lines import pricing
from .price_input import INLINE

NEW: Schema = {
    "amount": integer(),
    "currency": text(),
    "customer": word(),
    "description": text(),
    "discountable": boolean,
    "invoice": text(),
    "metadata": metadata,
    "period": fields(["end", "start"], end=integer(0), start=integer(0)),
    "price_data": INLINE,
    "pricing": fields(price=text()),
    "quantity": integer(0),
    "subscription": text(),
}


@route("POST", "/v1/invoiceitems", NEW, ["customer"])
def create(call: Call) -> Json:
    params = call.params
    customer = call.reference("customer", params["customer"], "customer")
    call = call.in_time_of(customer.data)
    price = _price(call)
    given = {
        "amount": _amount(call, price),
        "currency": check_currency(_currency(params, price)),
        "description": params.get("description"),
        "price": price,
        "quantity": params.get("quantity", 1),
        "subscription": _subscription(call),
        "period": params.get("period"),
    }
    record = make(call, customer, given)
    record.data["metadata"] = merge_metadata({}, params.get("metadata") or {})
    call.objects.save(record)
    if params.get("invoice"):
        draft = invoice_totals.editable(call, params["invoice"], "invoice")
        invoice_totals.take_up(call, draft, [record])
        call.update(draft, "invoice.updated")
    return record.data


def _price(call: Call) -> Json | None:
    if call.params.get("price_data"):
        return prices.make(call, call.params["price_data"], inline=True).data
    price_id = (call.params.get("pricing") or {}).get("price")
    return call.reference("price", price_id, "pricing[price]").data if price_id else None


def _amount(call: Call, price: Json | None) -> int:
    params = call.params
    if price is not None:
        return price_amounts.amount_of(call, price, params.get("quantity", 1))
    if "amount" not in params:
        raise invalid("You must pass either `amount` or a price.", "parameter_missing", "amount")
    return int(params["amount"])


def _subscription(call: Call) -> str | None:
    given = call.params.get("subscription")
    return call.reference("subscription", given, "subscription").id if given else None


def _currency(params: Json, price: Json | None) -> str:
    return str(price["currency"] if price else params.get("currency") or "usd")


def make(call: Call, customer: Record, given: Json) -> Record:
    """Amount and currency are needed; price, quantity, period and origin may be given."""
    price, subscription = given.get("price"), given.get("subscription")
    details = {"subscription": subscription, "subscription_item": given.get("item")}
    named = prices.product_name(call, price) if price else None
    proration, quantity = given.get("proration", False), given.get("quantity", 1)
    body = {
        "id": new_id("ii"),
        "object": "invoiceitem",
        "amount": given["amount"],
        "currency": given["currency"],
        "customer": customer.id,
        "customer_account": None,
        "date": call.now,
        "description": given.get("description") or named,
        "discountable": not proration,
        "discounts": [],
        "invoice": None,
        "livemode": call.account.livemode,
        "metadata": {},
        "net_amount": given["amount"],
        "parent": (
            {"subscription_details": details, "type": "subscription_details"}
            if subscription
            else None
        ),
        "period": given.get("period") or {"end": call.now, "start": call.now},
        "pricing": pricing(price) if price else None,
        "proration": proration,
        "proration_details": None,
        "quantity": quantity,
        "quantity_decimal": str(quantity),
        "tax_rates": [],
        "test_clock": customer.data["test_clock"],
    }
    record = call.objects.add("invoiceitem", body)
    call.emit("invoiceitem.created", record.data)
    return record


@route("GET", "/v1/invoiceitems/{id}")
def retrieve(call: Call) -> Json:
    return call.subject("invoiceitem").data


@route("DELETE", "/v1/invoiceitems/{id}")
def delete(call: Call) -> Json:
    record = call.subject("invoiceitem")
    if record.data["invoice"]:
        raise invalid("An invoice item that is on an invoice can no longer be deleted.")
    call.objects.remove(record)
    call.emit("invoiceitem.deleted", record.data)
    return {"id": record.id, "object": "invoiceitem", "deleted": True}


LISTED: Schema = {
    **PAGING,
    "created": time_range,
    "customer": text(),
    "invoice": text(),
    "pending": boolean,
}


@route("GET", "/v1/invoiceitems", LISTED)
def list_all(call: Call) -> Json:
    params = call.params
    invoice = ABSENT if params.get("pending") else params.get("invoice")
    return list_objects(call, "invoiceitem", customer=params.get("customer"), invoice=invoice)
