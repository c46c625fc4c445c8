"""Invoice items: what waits to be billed; https://docs.stripe.com/api/invoiceitems."""

from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal

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
    put_metadata,
    text,
    time_range,
    word,
)
from ..registry import route
from . import discounts, invoice_totals, price_amounts, prices
from .invoice_lines import pricing
from .price_input import INLINE, decimal

NEW: Schema = {
    "amount": integer(),
    "currency": text(),
    "customer": word(),
    "customer_account": text(),
    "description": text(),
    "discountable": boolean,
    "discounts": discounts.GIVEN,
    "invoice": text(),
    "metadata": metadata,
    "period": fields(["end", "start"], end=integer(0), start=integer(0)),
    "price_data": INLINE,
    "pricing": fields(price=text()),
    "quantity": integer(0),
    "subscription": text(),
    "unit_amount_decimal": decimal,
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
        "discounts": params.get("discounts"),
        "price": price,
        "quantity": params.get("quantity", 1),
        "subscription": _subscription(call),
        "period": params.get("period"),
    }
    record = make(call, customer, given)
    record.data["metadata"] = merge_metadata({}, params.get("metadata") or {})
    record.data["discountable"] = params.get("discountable", True)
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
    if "unit_amount_decimal" in params:
        exact = Decimal(params["unit_amount_decimal"]) * int(params.get("quantity", 1))
        return int(exact.quantize(Decimal(1), ROUND_HALF_UP))
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
    price = given.get("price")
    named = prices.product_name(call, price) if price else None
    proration, quantity = given.get("proration", False), given.get("quantity", 1)
    item_id = new_id("ii")
    granted = discounts.make_discounts(
        call, given.get("discounts") or [], customer.id, "discounts", invoice_item=item_id
    )
    body = {
        "id": item_id,
        "object": "invoiceitem",
        "amount": given["amount"],
        "currency": given["currency"],
        "customer": customer.id,
        "customer_account": None,
        "date": call.now,
        "description": given.get("description") or named,
        "discountable": not proration,
        "discounts": granted,
        "invoice": None,
        "livemode": call.account.livemode,
        "metadata": {},
        "net_amount": given["amount"],
        "parent": _parent(given),
        "period": given.get("period") or {"end": call.now, "start": call.now},
        "pricing": pricing(price) if price else None,
        "proration": proration,
        "quantity": quantity,
        "quantity_decimal": str(quantity),
        "tax_rates": [],
        "test_clock": customer.data["test_clock"],
    }
    record = call.objects.add("invoiceitem", body)
    call.emit("invoiceitem.created", record.data)
    return record


def _parent(given: Json) -> Json | None:
    if not given.get("subscription"):
        return None
    details = {"subscription": given["subscription"], "subscription_item": given.get("item")}
    return {"subscription_details": details, "type": "subscription_details"}


@route("GET", "/v1/invoiceitems/{id}")
def retrieve(call: Call) -> Json:
    return call.subject("invoiceitem").data


CHANGES: Schema = {
    name: NEW[name]
    for name in ("amount", "description", "discountable", "discounts", "metadata", "period",
                 "price_data", "pricing", "quantity", "unit_amount_decimal")
}  # fmt: skip
PRICED = ("amount", "price_data", "pricing", "quantity", "unit_amount_decimal")


@route("POST", "/v1/invoiceitems/{id}", CHANGES)
def update(call: Call) -> Json:
    """As long as the invoice that it is on is a draft; Stripe tells of it by no event."""
    record, params = call.subject("invoiceitem"), call.params
    data = record.data
    draft = invoice_totals.editable(call, data["invoice"], "id") if data["invoice"] else None
    for name in ("description", "discountable", "period"):
        data[name] = params.get(name, data[name])
    put_metadata(data, params)
    if "discounts" in params:
        data["discounts"] = discounts.make_discounts(
            call, params["discounts"], data["customer"], "discounts", invoice_item=record.id
        )
    if any(name in params for name in PRICED):
        _reprice(call, data)
    call.objects.save(record)
    if draft is not None:
        invoice_totals.renew_line(call, draft, record)
        call.update(draft, "invoice.updated")
    return data


def _reprice(call: Call, data: Json) -> None:
    """A new quantity of the same price, another price, or an amount that has none."""
    present = (data["pricing"] or {}).get("price_details") or {}
    given = {"quantity": data["quantity"], **call.params}
    if not {"amount", "price_data", "pricing", "unit_amount_decimal"} & call.params.keys():
        given["pricing"] = {"price": present.get("price")}
    asked = replace(call, params={"amount": data["amount"], **given})
    price = _price(asked)
    data.update(
        amount=_amount(asked, price),
        pricing=pricing(price) if price else None,
        quantity=given["quantity"],
        quantity_decimal=str(given["quantity"]),
    )
    data["net_amount"] = data["amount"]


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
    "customer_account": text(),
    "invoice": text(),
    "pending": boolean,
}


@route("GET", "/v1/invoiceitems", LISTED)
def list_all(call: Call) -> Json:
    params = call.params
    invoice = ABSENT if params.get("pending") else params.get("invoice")
    return list_objects(call, "invoiceitem", customer=params.get("customer"), invoice=invoice)
