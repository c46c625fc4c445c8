"""Coupons; https://docs.stripe.com/api/coupons."""

import re
from decimal import Decimal
from typing import Any

from ..call import Call
from ..errors import invalid
from ..ids import random_text
from ..listing import list_objects
from ..messages import Json
from ..money import check_currency
from ..objects import Record
from ..params import (
    PAGING,
    Schema,
    array,
    choice,
    fields,
    integer,
    merge_metadata,
    metadata,
    moment,
    put_metadata,
    text,
    time_range,
    word,
)
from ..registry import route

KIND = "coupon"


def percentage(name: str, value: Any) -> Decimal:
    """More than nothing and at most all, with up to four decimal places."""
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,4})?", value):
        raise invalid(f"Invalid decimal: {value}", "parameter_invalid_decimal", name)
    if not 0 < Decimal(value) <= 100:
        raise invalid("Percentages must be greater than 0 and at most 100.", param=name)
    return Decimal(value)


NEW: Schema = {
    "amount_off": integer(1),
    "applies_to": fields(products=array(word())),
    "currency": text(),
    "duration": choice("forever", "once", "repeating"),
    "duration_in_months": integer(1),
    "id": word(200),
    "max_redemptions": integer(1),
    "metadata": metadata,
    "name": text(40),
    "percent_off": percentage,
    "redeem_by": moment,
}


@route("POST", "/v1/coupons", NEW)
def create_coupon(call: Call) -> Json:
    params = call.params
    _check(call, params)
    percent = params.get("percent_off")
    months = params.get("duration_in_months")
    body = {
        "id": params.get("id") or random_text(8),
        "object": KIND,
        "amount_off": params.get("amount_off"),
        "created": call.now,
        "currency": check_currency(params["currency"]) if params.get("amount_off") else None,
        "duration": params.get("duration") or "once",
        "duration_in_months": months if params.get("duration") == "repeating" else None,
        "livemode": call.account.livemode,
        "max_redemptions": params.get("max_redemptions"),
        "metadata": merge_metadata({}, params.get("metadata") or {}),
        "name": params.get("name"),
        "percent_off": None if percent is None else float(percent),
        "redeem_by": params.get("redeem_by"),
        "times_redeemed": 0,
        "valid": True,
    }
    products = (params.get("applies_to") or {}).get("products")
    private = {"percent_off": None if percent is None else str(percent), "products": products}
    record = call.objects.add(KIND, body, private)
    call.emit("coupon.created", record.data)
    return record.data


def _check(call: Call, params: Json) -> None:
    amount, percent = params.get("amount_off"), params.get("percent_off")
    if (amount is None) is (percent is None):
        raise invalid("You must pass either `amount_off` or `percent_off`.", param="percent_off")
    if amount is not None and not params.get("currency"):
        raise invalid("You must pass `currency` when passing `amount_off`.", param="currency")
    repeating = params.get("duration") == "repeating"
    if repeating and not params.get("duration_in_months"):
        message = "You must pass `duration_in_months` when `duration` is `repeating`."
        raise invalid(message, "parameter_missing", "duration_in_months")
    if params.get("id") and call.objects.find(KIND, params["id"]):
        raise invalid("Coupon already exists.", "resource_already_exists", "id")
    for product in (params.get("applies_to") or {}).get("products") or []:
        call.reference("product", product, "applies_to[products]")


@route("GET", "/v1/coupons/{id}")
def retrieve_coupon(call: Call) -> Json:
    return call.subject(KIND).data


@route("POST", "/v1/coupons/{id}", {"metadata": metadata, "name": text(40)})
def update_coupon(call: Call) -> Json:
    record = call.subject(KIND)
    if "name" in call.params:
        record.data["name"] = call.params["name"]
    put_metadata(record.data, call.params)
    return call.update(record, "coupon.updated").data


@route("DELETE", "/v1/coupons/{id}")
def delete_coupon(call: Call) -> Json:
    """Whoever has it already keeps it."""
    record = call.subject(KIND)
    call.emit("coupon.deleted", {**record.data, "valid": False})
    record.private["deleted"] = True
    record.data["valid"] = False
    call.objects.save(record, deleted=True)
    return {"id": record.id, "object": KIND, "deleted": True}


@route("GET", "/v1/coupons", {**PAGING, "created": time_range})
def list_coupons(call: Call) -> Json:
    return list_objects(call, KIND)


def find_coupon(call: Call, coupon_id: str, param: str) -> Record:
    """Return a coupon that can be redeemed now; raise as Stripe does for any other."""
    coupon = call.reference(KIND, coupon_id, param)
    data = coupon.data
    if coupon.private.get("deleted"):
        raise invalid(f"No such coupon: '{coupon_id}'", "resource_missing", param)
    late = data["redeem_by"] is not None and data["redeem_by"] < call.now
    if late or not data["valid"]:
        raise invalid(f"Coupon expired: {coupon_id}", "coupon_expired", param)
    return coupon


def count_use(call: Call, coupon: Record) -> None:
    data = coupon.data
    data["times_redeemed"] += 1
    data["valid"] = (
        data["max_redemptions"] is None or data["times_redeemed"] < (data["max_redemptions"])
    )
    call.update(coupon, "coupon.updated")
