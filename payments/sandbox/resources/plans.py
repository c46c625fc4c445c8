"""Plans, the older way to speak of recurring prices; https://docs.stripe.com/api/plans.

A plan and the price of the same id are one thing. Only plans can be given an id of one's own.
"""

from typing import Any

from ..call import Call
from ..errors import invalid
from ..listing import list_objects
from ..messages import Json
from ..objects import Record
from ..params import (
    PAGING,
    Check,
    Schema,
    array,
    boolean,
    choice,
    integer,
    metadata,
    text,
    time_range,
    word,
)
from ..registry import route
from . import prices
from .price_input import LARGEST, PRODUCT_DATA, TIER, WHOLE, decimal
from .subscription_parts import plan_of


def product(name: str, value: Any) -> Any:
    """The id of a product, or what a new one is to be."""
    check: Check = PRODUCT_DATA if isinstance(value, dict) else word()
    return check(name, value)


NEW: Schema = {
    "active": boolean,
    "amount": integer(0, LARGEST),
    "amount_decimal": decimal,
    "billing_scheme": WHOLE["billing_scheme"],
    "currency": word(),
    "id": word(255),
    "interval": choice("day", "month", "week", "year"),
    "interval_count": integer(1),
    "metadata": metadata,
    "meter": text(),
    "nickname": text(),
    "product": product,
    "tiers": array(TIER),
    "tiers_mode": WHOLE["tiers_mode"],
    "transform_usage": WHOLE["transform_quantity"],
    "trial_period_days": integer(1, 730),
    "usage_type": choice("licensed", "metered"),
}
SAME = ("active", "billing_scheme", "currency", "id", "metadata", "nickname", "tiers", "tiers_mode")
RECURRING = ("interval", "interval_count", "meter", "trial_period_days", "usage_type")


@route("POST", "/v1/plans", NEW, ["currency", "interval", "product"])
def create_plan(call: Call) -> Json:
    params = call.params
    if params.get("id") and call.objects.find("price", params["id"]):
        raise invalid("Plan already exists.", "resource_already_exists", "id")
    kind = "product_data" if isinstance(params["product"], dict) else "product"
    given: Json = {
        **{name: params[name] for name in SAME if name in params},
        kind: params["product"],
        "recurring": {name: params[name] for name in RECURRING if name in params},
    }
    renamed = {
        "amount": "unit_amount",
        "amount_decimal": "unit_amount_decimal",
        "transform_usage": "transform_quantity",
    }
    given |= {new: params[old] for old, new in renamed.items() if old in params}
    record = prices.make(call, given)
    body = plan_of(record.data)
    call.emit("plan.created", body)
    return body


def _subject(call: Call) -> Record:
    record = call.objects.find("price", call.path["id"])
    if record is None or record.data["recurring"] is None or record.private.get("plan_deleted"):
        return call.subject("plan")
    return record


@route("GET", "/v1/plans/{id}")
def retrieve_plan(call: Call) -> Json:
    return plan_of(_subject(call).data)


CHANGES: Schema = {"active": boolean, "metadata": metadata, "nickname": text()}


@route("POST", "/v1/plans/{id}", CHANGES)
def update_plan(call: Call) -> Json:
    record = _subject(call)
    prices.edit(call, record, call.params)
    changed = call.update(record, "price.updated")
    body = plan_of(changed.data)
    call.emit("plan.updated", body)
    return body


@route("DELETE", "/v1/plans/{id}")
def delete_plan(call: Call) -> Json:
    """Nobody can subscribe to it any more; those who have go on."""
    record = _subject(call)
    record.private["plan_deleted"] = True
    record.data["active"] = False
    call.objects.save(record)
    call.emit("plan.deleted", plan_of(record.data))
    return {"id": record.id, "object": "plan", "deleted": True}


LISTED: Schema = {**PAGING, "active": boolean, "created": time_range, "product": text()}


@route("GET", "/v1/plans", LISTED)
def list_plans(call: Call) -> Json:
    filters = {name: call.params.get(name) for name in ("active", "product")}
    found = list_objects(call, "price", type="recurring", **filters)
    return {**found, "data": [plan_of(price) for price in found["data"]]}
