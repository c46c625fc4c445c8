"""Codes that customers type in for a coupon; https://docs.stripe.com/api/promotion_codes."""

from ..call import Call
from ..errors import invalid
from ..ids import new_id, random_text
from ..listing import list_objects
from ..messages import Json
from ..objects import Record
from ..params import (
    PAGING,
    Schema,
    boolean,
    choice,
    entry,
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
from .coupons import find_coupon

KIND = "promotion_code"
NEW: Schema = {
    "active": boolean,
    "code": word(500),
    "customer": text(),
    "expires_at": moment,
    "max_redemptions": integer(1),
    "metadata": metadata,
    "promotion": entry(["type"], coupon=word(), type=choice("coupon")),
    "restrictions": fields(
        first_time_transaction=boolean,
        minimum_amount=integer(1),
        minimum_amount_currency=text(),
    ),
}


@route("POST", "/v1/promotion_codes", NEW, ["promotion"])
def create_promotion_code(call: Call) -> Json:
    params = call.params
    given = params["promotion"].get("coupon")
    if not given:
        message = "Missing required param: promotion[coupon]."
        raise invalid(message, "parameter_missing", "promotion[coupon]")
    coupon = find_coupon(call, given, "promotion[coupon]")
    if params.get("customer"):
        call.reference("customer", params["customer"], "customer")
    code = params.get("code") or random_text(8).upper()
    if _find_active(call, code):
        message = "An active promotion code with `code: " + code + "` already exists."
        raise invalid(message, param="code")
    limits = params.get("restrictions") or {}
    body = {
        "id": new_id("promo"),
        "object": KIND,
        "active": params.get("active", True),
        "code": code,
        "created": call.now,
        "customer": params.get("customer"),
        "customer_account": None,
        "expires_at": params.get("expires_at"),
        "livemode": call.account.livemode,
        "max_redemptions": params.get("max_redemptions"),
        "metadata": merge_metadata({}, params.get("metadata") or {}),
        "promotion": {"coupon": coupon.id, "type": "coupon"},
        "restrictions": {
            "first_time_transaction": limits.get("first_time_transaction", False),
            "minimum_amount": limits.get("minimum_amount"),
            "minimum_amount_currency": limits.get("minimum_amount_currency"),
        },
        "times_redeemed": 0,
    }
    record = call.objects.add(KIND, body)
    call.emit("promotion_code.created", record.data)
    return record.data


def _find_active(call: Call, code: str) -> Record | None:
    """Whether somebody types capitals does not matter."""
    active = call.objects.all(KIND, active=True)
    return next((each for each in active if each.data["code"].lower() == code.lower()), None)


@route("GET", "/v1/promotion_codes/{id}")
def retrieve_promotion_code(call: Call) -> Json:
    return call.subject(KIND).data


@route("POST", "/v1/promotion_codes/{id}", {"active": boolean, "metadata": metadata})
def update_promotion_code(call: Call) -> Json:
    record = call.subject(KIND)
    if "active" in call.params:
        record.data["active"] = call.params["active"]
    put_metadata(record.data, call.params)
    return call.update(record, "promotion_code.updated").data


LISTED: Schema = {
    **PAGING,
    "active": boolean,
    "code": text(),
    "coupon": text(),
    "created": time_range,
    "customer": text(),
}


@route("GET", "/v1/promotion_codes", LISTED)
def list_promotion_codes(call: Call) -> Json:
    filters = {name: call.params.get(name) for name in ("active", "code", "customer")}
    filters["promotion.coupon"] = call.params.get("coupon")
    return list_objects(call, KIND, **filters)


def find_redeemable(
    call: Call, code_id: str, customer_id: str | None, param: str
) -> tuple[Record, Record]:
    """Return the code and its coupon; raise when it is not for this customer now."""
    record = call.reference(KIND, code_id, param)
    data = record.data
    late = data["expires_at"] is not None and data["expires_at"] < call.now
    if late or not data["active"]:
        raise invalid("This promotion code is not active.", "promotion_code_inactive", param)
    if data["customer"] not in (None, customer_id):
        message = "This promotion code cannot be redeemed by this customer."
        raise invalid(message, param=param)
    return record, find_coupon(call, data["promotion"]["coupon"], param)


def count_use(call: Call, record: Record) -> None:
    data = record.data
    data["times_redeemed"] += 1
    if data["times_redeemed"] == data["max_redemptions"]:
        data["active"] = False
    call.update(record, "promotion_code.updated")
