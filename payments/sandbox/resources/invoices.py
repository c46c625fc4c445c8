"""Invoices as objects; https://docs.stripe.com/api/invoices."""

from ..call import Call
from ..errors import ApiError, invalid
from ..listing import list_objects, list_of
from ..messages import Json
from ..money import check_currency
from ..objects import Record
from ..params import (
    PAGING,
    Schema,
    option,
    put_metadata,
    text,
    time_range,
)
from ..registry import route
from . import discounts, invoice_totals
from .invoice_input import EDITABLE, NEW, PLAIN, merge_settings
from .subscription_billing import check_method


@route("POST", "/v1/invoices", NEW, ["customer"])
def create(call: Call) -> Json:
    params = call.params
    customer = call.reference("customer", params["customer"], "customer")
    call = call.in_time_of(customer.data)
    subscription = None
    if params.get("subscription"):
        subscription = call.reference("subscription", params["subscription"], "subscription")
    with_pending = params.get("pending_invoice_items_behavior") == "include" or subscription
    record = invoice_totals.draft(
        call, customer, "manual", [], subscription=subscription, pending=bool(with_pending)
    )
    if params.get("currency"):
        record.data["currency"] = check_currency(params["currency"])
    record.data["auto_advance"] = False
    _edit(call, record)
    call.objects.save(record)
    return record.data


def _edit(call: Call, record: Record) -> None:
    params, data = call.params, record.data
    data.update({name: params[name] for name in PLAIN if name in params})
    merge_settings(data, params)
    put_metadata(data, params)
    if params.get("collection_method"):
        data["collection_method"] = params["collection_method"]
    if params.get("days_until_due") is not None:
        data["due_date"] = call.now + 24 * 3600 * params["days_until_due"]
    if "discounts" in params:
        _discount(call, data)
    if "default_payment_method" in params:
        given = params["default_payment_method"]
        data["default_payment_method"] = check_method(call, data["customer"], given)


def _discount(call: Call, data: Json) -> None:
    given = call.params["discounts"]
    made = discounts.make_discounts(call, given, data["customer"], "discounts", invoice=data["id"])
    data["discounts"] = made
    invoice_totals.put(call, data, data["lines"]["data"])


@route("GET", "/v1/invoices/{id}")
def retrieve(call: Call) -> Json:
    return call.subject("invoice").data


@route("POST", "/v1/invoices/{id}", EDITABLE)
def update(call: Call) -> Json:
    record = call.subject("invoice")
    late = set(call.params) - {"metadata", "auto_advance", "default_payment_method", "expand"}
    if record.data["status"] != "draft" and late:
        invoice_totals.editable(call, record.id, "id")
    _edit(call.in_time_of(record.data), record)
    return call.update(record, "invoice.updated").data


@route("DELETE", "/v1/invoices/{id}")
def delete(call: Call) -> Json:
    record = call.subject("invoice")
    if record.data["status"] != "draft" or record.data["billing_reason"] != "manual":
        raise ApiError(400, "You can only delete draft invoices that you made yourself.")
    for item in call.objects.all("invoiceitem", invoice=record.id):
        item.data["invoice"] = None
        call.objects.save(item)
    call.objects.remove(record)
    call.emit("invoice.deleted", record.data)
    return {"id": record.id, "object": "invoice", "deleted": True}


@route("GET", "/v1/invoices/{id}/lines", PAGING)
def list_lines(call: Call) -> Json:
    record, params = call.subject("invoice"), call.params
    lines = record.data["lines"]["data"]
    ids = [line["id"] for line in lines]
    after, limit = params.get("starting_after"), params.get("limit", 10)
    if after and after not in ids:
        raise invalid(f"No such line_item: '{after}'", "resource_missing", "starting_after")
    first = ids.index(after) + 1 if after else 0
    return list_of(lines[first : first + limit], call.url_path, len(lines) > first + limit)


LISTED: Schema = {
    **PAGING,
    "collection_method": text(),
    "created": time_range,
    "customer": text(),
    "customer_account": text(),
    "status": option("draft", "open", "paid", "uncollectible", "void"),
    "subscription": text(),
}


@route("GET", "/v1/invoices", LISTED)
def list_all(call: Call) -> Json:
    call.check_known("customer", "customer")
    call.check_known("subscription", "subscription")
    names = ("collection_method", "customer", "status")
    filters = {name: call.params.get(name) for name in names}
    filters[invoice_totals.DETAILS] = call.params.get("subscription")
    return list_objects(call, "invoice", **filters)
