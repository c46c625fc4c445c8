"""Prices; https://docs.stripe.com/api/prices."""

from ..call import Call
from ..errors import invalid, missing_param
from ..ids import new_id
from ..listing import list_objects
from ..messages import Json
from ..money import check_currency, written
from ..objects import Record
from ..params import (
    PAGING,
    Schema,
    anything,
    array,
    boolean,
    choice,
    fields,
    merge_metadata,
    metadata,
    text,
    time_range,
    word,
)
from ..registry import route
from . import price_tiers, products
from .price_input import AMOUNTS, PRODUCT_DATA, WHOLE

# Three years, counted in each interval: https://docs.stripe.com/api/prices/create
LONGEST = {"day": 1095, "week": 156, "month": 36, "year": 3}


EDITABLE: Schema = {
    "active": boolean,
    "lookup_key": text(200),
    "metadata": metadata,
    "nickname": text(),
    "tax_behavior": AMOUNTS["tax_behavior"],
    "transfer_lookup_key": boolean,
}
NEW: Schema = {
    **WHOLE,
    **EDITABLE,
    "currency_options": anything,
    "product": text(),
    "product_data": PRODUCT_DATA,
}


@route("POST", "/v1/prices", NEW, ["currency"])
def create(call: Call) -> Json:
    return make(call, call.params).data


def make(call: Call, given: Json, *, inline: bool = False) -> Record:
    """Inline prices and their products serve once and do not show up as active."""
    product_id = _product(call, given, inline=inline)
    private = (
        {"tiers": price_tiers.read_tiers(given)} if given.get("billing_scheme") == "tiered" else {}
    )
    record = call.objects.add("price", _body(call, given, product_id), private)
    record.data["active"] = False if inline else given.get("active", True)
    edit(call, record, {key: value for key, value in given.items() if key != "active"})
    call.objects.save(record)
    call.emit("price.created", record.data)
    return record


def _product(call: Call, given: Json, *, inline: bool) -> str:
    if given.get("product"):
        return call.reference("product", given["product"], "product").id
    if not given.get("product_data"):
        raise missing_param("product")
    return products.make(call, {**given["product_data"], "active": not inline}).id


def _body(call: Call, given: Json, product_id: str) -> Json:
    tiered = given.get("billing_scheme") == "tiered"
    amount, exact = (None, None) if tiered else _amounts(given)
    return {
        "id": given.get("id") or new_id("price"),
        "object": "price",
        "active": True,
        "billing_scheme": given.get("billing_scheme") or "per_unit",
        "created": call.now,
        "currency": check_currency(given["currency"]),
        "custom_unit_amount": None,
        "livemode": call.account.livemode,
        "lookup_key": None,
        "metadata": {},
        "nickname": None,
        "product": product_id,
        "recurring": _recurring(call, given.get("recurring")),
        "tax_behavior": "unspecified",
        "tiers_mode": given.get("tiers_mode"),
        "transform_quantity": given.get("transform_quantity"),
        "type": "recurring" if given.get("recurring") else "one_time",
        "unit_amount": amount,
        "unit_amount_decimal": exact,
    }


def _amounts(given: Json) -> tuple[int | None, str]:
    """Return both ways to write the amount; a fraction of the smallest unit has only one."""
    amount, exact = given.get("unit_amount"), given.get("unit_amount_decimal")
    if amount is not None and exact is not None:
        message = "You may only specify one of these parameters: unit_amount, unit_amount_decimal."
        raise invalid(message, "parameters_exclusive", "unit_amount_decimal")
    if amount is not None:
        return amount, str(amount)
    if exact is None:
        raise invalid(
            "Prices require an `unit_amount` or `unit_amount_decimal` parameter to be set.",
            "parameter_missing",
        )
    return (int(exact) if exact.isdecimal() else None), exact


def _recurring(call: Call, given: Json | None) -> Json | None:
    if not given:
        return None
    interval, count = given["interval"], given.get("interval_count", 1)
    if count > LONGEST[interval]:
        raise invalid(
            "The maximum billing interval is three years.", param="recurring[interval_count]"
        )
    return {
        "interval": interval,
        "interval_count": count,
        "meter": _meter(call, given),
        "trial_period_days": given.get("trial_period_days"),
        "usage_type": given.get("usage_type") or "licensed",
    }


def _meter(call: Call, given: Json) -> str | None:
    """Older accounts have metered prices without a meter, so it is not demanded."""
    if not given.get("meter"):
        return None
    if given.get("usage_type") != "metered":
        message = "`recurring[meter]` can only be set if `recurring[usage_type]` is `metered`."
        raise invalid(message, param="recurring[meter]")
    return call.reference("billing.meter", given["meter"], "recurring[meter]").id


def edit(call: Call, record: Record, given: Json) -> None:
    names = ("active", "metadata", "nickname", "tax_behavior")
    changes = {key: given[key] for key in names if key in given}
    if "metadata" in changes:
        changes["metadata"] = merge_metadata(record.data["metadata"], changes["metadata"])
    if "lookup_key" in given:
        _name(call, record, given["lookup_key"], move=given.get("transfer_lookup_key", False))
    record.data.update(changes)


def _name(call: Call, record: Record, key: str | None, *, move: bool) -> None:
    """A lookup key stands for one price at a time."""
    record.data["lookup_key"] = key
    for holder in call.objects.all("price", lookup_key=key) if key else []:
        if holder.id == record.id:
            continue
        if not move:
            message = f"A price (`{holder.id}`) already uses that lookup key."
            raise invalid(message, param="lookup_key")
        holder.data["lookup_key"] = None
        call.update(holder, "price.updated")


@route("GET", "/v1/prices/{id}")
def retrieve(call: Call) -> Json:
    return call.subject("price").data


@route("POST", "/v1/prices/{id}", EDITABLE)
def update(call: Call) -> Json:
    record = call.subject("price")
    edit(call, record, call.params)
    return call.update(record, "price.updated").data


LISTED: Schema = {
    **PAGING,
    "active": boolean,
    "created": time_range,
    "currency": text(),
    "lookup_keys": array(word(), 10),
    "product": text(),
    "recurring": fields(interval=text(), usage_type=text()),
    "type": choice("one_time", "recurring"),
}


@route("GET", "/v1/prices", LISTED)
def list_all(call: Call) -> Json:
    names = ("active", "currency", "product", "type")
    filters = {name: call.params.get(name) for name in names}
    for name, value in (call.params.get("recurring") or {}).items():
        filters[f"recurring.{name}"] = value
    filters["lookup_key"] = call.params.get("lookup_keys") or None
    return list_objects(call, "price", **filters)


def rhythm(price: Json) -> str:
    """`$10.00 / month`, as Stripe writes it into lines."""
    amount, recurring = _written(price), price["recurring"]
    if recurring is None:
        return amount
    count, interval = recurring["interval_count"], recurring["interval"]
    return f"{amount} / {interval}" if count == 1 else f"{amount} every {count} {interval}s"


def _written(price: Json) -> str:
    """Tiers begin with what their first unit costs; fractions are written as they are."""
    if price["unit_amount"] is not None:
        return written(price["unit_amount"], price["currency"])
    if price["unit_amount_decimal"] is None:
        return f"{price['tiers_mode'].capitalize()} pricing"
    return f"{price['unit_amount_decimal']} {price['currency']} (minor units)"


def counted_name(call: Call, price: Json, quantity: int) -> str:
    """`2 users × Standard`: with the product's own word for its units, if it has one."""
    product = call.reference("product", price["product"], "product").data
    label = product["unit_label"]
    units = f"{quantity} {label}{'' if quantity == 1 else 's'}" if label else str(quantity)
    return f"{units} × {product['name']}"


def product_name(call: Call, price: Json) -> str:
    return str(call.reference("product", price["product"], "product").data["name"])
