"""Tax rates are kept and listed; they change no amount; https://docs.stripe.com/api/tax_rates."""

from decimal import Decimal

from ..call import Call
from ..ids import new_id
from ..listing import list_objects
from ..messages import Json
from ..objects import Record
from ..params import (
    PAGING,
    Schema,
    boolean,
    metadata,
    put_metadata,
    text,
    time_range,
    word,
)
from ..registry import route
from .coupons import percentage

KIND = "tax_rate"
PLAIN = ("active", "country", "description", "display_name", "jurisdiction", "state", "tax_type")
EDITABLE: Schema = {
    "active": boolean,
    "country": text(2),
    "description": text(),
    "display_name": word(100),
    "jurisdiction": text(),
    "metadata": metadata,
    "state": text(),
    "tax_type": text(),
}
NEW: Schema = {**EDITABLE, "inclusive": boolean, "percentage": percentage}


@route("POST", "/v1/tax_rates", NEW, ["display_name", "inclusive", "percentage"])
def create_tax_rate(call: Call) -> Json:
    percent: Decimal = call.params["percentage"]
    body = {
        "id": new_id("txr"),
        "object": KIND,
        **dict.fromkeys(PLAIN),
        "active": True,
        "created": call.now,
        "effective_percentage": None,
        "flat_amount": None,
        "inclusive": call.params["inclusive"],
        "jurisdiction_level": None,
        "livemode": call.account.livemode,
        "metadata": {},
        "percentage": float(percent),
        "rate_type": "percentage",
    }
    record = call.objects.add(KIND, body)
    _edit(call, record)
    call.objects.save(record)
    call.emit("tax_rate.created", record.data)
    return record.data


def _edit(call: Call, record: Record) -> None:
    record.data.update({name: call.params[name] for name in PLAIN if name in call.params})
    put_metadata(record.data, call.params)


@route("GET", "/v1/tax_rates/{id}")
def retrieve_tax_rate(call: Call) -> Json:
    return call.subject(KIND).data


@route("POST", "/v1/tax_rates/{id}", EDITABLE)
def update_tax_rate(call: Call) -> Json:
    record = call.subject(KIND)
    _edit(call, record)
    return call.update(record, "tax_rate.updated").data


LISTED: Schema = {**PAGING, "active": boolean, "created": time_range, "inclusive": boolean}


@route("GET", "/v1/tax_rates", LISTED)
def list_tax_rates(call: Call) -> Json:
    filters = {name: call.params.get(name) for name in ("active", "inclusive")}
    return list_objects(call, KIND, **filters)
