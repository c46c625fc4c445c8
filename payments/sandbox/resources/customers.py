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
    boolean,
    choice,
    email,
    entry,
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
    "cash_balance": anything,
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
    "source": text(),
    "tax": fields(ip_address=text(), validate_location=text()),
    "tax_exempt": choice("exempt", "none", "reverse"),
    "validate": boolean,
}
# What is taken and without effect.
UNPLAYED = ("cash_balance", "tax", "validate")
NEW: Schema = {
    **EDITABLE,
    "payment_method": text(),
    "tax_id_data": array(entry(["type", "value"], type=word(), value=word())),
    "test_clock": text(),
}


@route("POST", "/v1/customers", NEW)
def create(call: Call) -> Json:
    clock = call.params.get("test_clock")
    call = call.in_time_of({"test_clock": clock})
    record = make(call, clock)
    attached = _attach(call, record)
    _edit(call, record, attached)
    call.objects.save(record)
    call.emit("customer.created", record.data)
    return record.data


def _attach(call: Call, record: Record) -> str | None:
    """Attach the payment method that the customer is created with and return its id."""
    given = call.params.get("payment_method")
    if given is None:
        return None
    method = payment_methods.referenced(call, given)
    return saved_cards.attach_to(call, method, record.id).id


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


def _edit(call: Call, record: Record, attached: str | None = None) -> None:
    given = {
        key: value for key, value in call.params.items() if key in EDITABLE and key not in UNPLAYED
    }
    if given.pop("source", None):
        record.data["default_source"] = _add_source(call, record)
    if "metadata" in given:
        given["metadata"] = merge_metadata(record.data["metadata"], given["metadata"])
    if "invoice_settings" in given:
        settings = given["invoice_settings"]
        given["invoice_settings"] = _invoice_settings(call, record, settings, attached)
    record.data.update(given)


def _add_source(call: Call, record: Record) -> str:
    """A token's card; it serves as a payment method, too: https://docs.stripe.com/payments/payment-methods/transitioning"""
    given = {"type": "card", "card": {"token": call.params["source"]}}
    method = payment_methods.make(call, given, prefix="card")
    return saved_cards.attach_to(call, method, record.id).id


def _invoice_settings(call: Call, record: Record, given: Json | None, attached: str | None) -> Json:
    """The default method has to be one that is attached to this very customer.

    `pm_card_visa` stands for the same card as in `payment_method` beside it.
    """
    settings: Json = {**record.data["invoice_settings"], **(given or {})}
    default = (given or {}).get("default_payment_method")
    if attached is not None and default == call.params["payment_method"]:
        settings["default_payment_method"] = attached
    elif default is not None:
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
