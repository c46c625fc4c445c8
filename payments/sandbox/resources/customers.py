"""Customers; https://docs.stripe.com/api/customers."""

from ..call import Call
from ..errors import unknown_object
from ..ids import new_id, random_text
from ..listing import ABSENT, list_objects
from ..messages import Json
from ..objects import Record
from ..params import (
    ADDRESS,
    PAGING,
    SHIPPING,
    Schema,
    anything,
    array,
    choice,
    email,
    fields,
    integer,
    merge_metadata,
    metadata,
    text,
    time_range,
    word,
)
from ..registry import route, tell
from . import payment_methods, saved_cards

EDITABLE: Schema = {
    "address": ADDRESS,
    "balance": integer(),
    "business_name": text(150),
    "description": text(),
    "email": email,
    "individual_name": text(150),
    "invoice_prefix": text(12),
    "invoice_settings": fields(
        custom_fields=anything,
        default_payment_method=text(),
        footer=text(),
        rendering_options=anything,
    ),
    "metadata": metadata,
    "name": text(256),
    "next_invoice_sequence": integer(1),
    "phone": text(20),
    "preferred_locales": array(word()),
    "shipping": SHIPPING,
    "tax_exempt": choice("exempt", "none", "reverse"),
}


NEW: Schema = {**EDITABLE, "payment_method": text(), "test_clock": text()}


@route("POST", "/v1/customers", NEW)
def create(call: Call) -> Json:
    clock = call.params.get("test_clock")
    call = call.in_time_of({"test_clock": clock})
    record = make(call, clock)
    _edit(call, record)
    payment_method = call.params.get("payment_method")
    if payment_method is not None:
        attached = payment_methods.referenced(call, payment_method)
        saved_cards.attach_to(call, attached, record.id)
    call.objects.save(record)
    call.emit("customer.created", record.data)
    return record.data


def make(call: Call, clock: str | None = None) -> Record:
    return call.objects.add("customer", {**_blank(call), "test_clock": clock})


def _blank(call: Call) -> Json:
    return {
        "id": new_id("cus"),
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": call.now,
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": random_text(8).upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": call.account.livemode,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }


def _edit(call: Call, record: Record) -> None:
    given = {key: call.params[key] for key in EDITABLE if key in call.params}
    if "metadata" in given:
        given["metadata"] = merge_metadata(record.data["metadata"], given["metadata"])
    if "invoice_settings" in given:
        given["invoice_settings"] = _invoice_settings(call, record, given["invoice_settings"])
    record.data.update(given)


def _invoice_settings(call: Call, record: Record, given: Json | None) -> Json:
    """The default method has to be one that is attached to this very customer."""
    settings: Json = {**record.data["invoice_settings"], **(given or {})}
    default = (given or {}).get("default_payment_method")
    if default is not None:
        param = "invoice_settings[default_payment_method]"
        method = call.reference("payment_method", default, param)
        if method.data["customer"] != record.id:
            raise saved_cards.not_attached(default)
    return settings


@route("GET", "/v1/customers/{id}")
def retrieve(call: Call) -> Json:
    return call.subject("customer").data


@route("POST", "/v1/customers/{id}", {**EDITABLE, "default_source": text()})
def update(call: Call) -> Json:
    record = existing(call)
    _edit(call, record)
    return call.update(record, "customer.updated").data


@route("DELETE", "/v1/customers/{id}")
def delete(call: Call) -> Json:
    record = existing(call)
    for method in call.objects.all("payment_method", customer=record.id):
        saved_cards.release(call, method)
    tell(call.in_time_of(record.data), "customer.deleted", record)
    call.emit("customer.deleted", record.data)
    record.data = {"id": record.id, "object": "customer", "deleted": True}
    call.objects.save(record, deleted=True)
    return record.data


def existing(call: Call) -> Record:
    """A deleted customer can still be read, but no longer be worked with."""
    record = call.subject("customer")
    if record.data.get("deleted"):
        raise unknown_object("customer", record.id)
    return record


LISTED: Schema = {**PAGING, "created": time_range, "email": text(512), "test_clock": text()}


@route("GET", "/v1/customers", LISTED)
def list_all(call: Call) -> Json:
    """Those on a test clock are listed by naming the clock only."""
    clock = call.params.get("test_clock") or ABSENT
    return list_objects(call, "customer", email=call.params.get("email"), test_clock=clock)


OF_CUSTOMER: Schema = {**PAGING, "type": text(), "allow_redisplay": text()}


@route("GET", "/v1/customers/{id}/payment_methods", OF_CUSTOMER)
def list_payment_methods(call: Call) -> Json:
    customer = existing(call)
    filters = {key: call.params.get(key) for key in ("type", "allow_redisplay")}
    return list_objects(call, "payment_method", customer=customer.id, **filters)


@route("GET", "/v1/customers/{id}/payment_methods/{method}")
def retrieve_payment_method(call: Call) -> Json:
    customer = existing(call)
    method = call.objects.find("payment_method", call.path["method"])
    if method is None or method.data["customer"] != customer.id:
        raise unknown_object("payment_method", call.path["method"])
    return method.data
