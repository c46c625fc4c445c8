"""Products; https://docs.stripe.com/api/products."""

import re

from ..call import Call
from ..errors import invalid
from ..ids import new_id
from ..listing import list_objects
from ..messages import Json
from ..objects import Record
from ..params import (
    PAGING,
    Schema,
    anything,
    array,
    boolean,
    choice,
    entry,
    fields,
    merge_metadata,
    metadata,
    text,
    time_range,
    url,
    word,
)
from ..registry import route
from . import prices
from .price_input import AMOUNTS

EDITABLE: Schema = {
    "active": boolean,
    "description": text(40000),
    "images": array(word(2048), 8),
    "marketing_features": array(entry(["name"], name=word(80)), 15),
    "metadata": metadata,
    "name": word(250),
    "package_dimensions": anything,
    "shippable": boolean,
    "statement_descriptor": text(22),
    "tax_code": text(),
    "unit_label": text(12),
    "url": url,
}
NEW: Schema = {
    **EDITABLE,
    "default_price_data": fields(["currency"], **AMOUNTS, metadata=metadata),
    "id": word(255),
    "type": choice("good", "service"),
}
ID = re.compile(r"[A-Za-z0-9_-]+")


@route("POST", "/v1/products", NEW, ["name"])
def create(call: Call) -> Json:
    record = make(call, call.params)
    if call.params.get("default_price_data"):
        given = {**call.params["default_price_data"], "product": record.id}
        record.data["default_price"] = prices.make(call, given).id
        call.objects.save(record)
    return record.data


def make(call: Call, given: Json) -> Record:
    product_id = given.get("id") or new_id("prod")
    _check_id(call, product_id)
    record = call.objects.add("product", _blank(call, product_id))
    _edit(record, given)
    record.data["type"] = given.get("type") or "service"
    call.objects.save(record)
    call.emit("product.created", record.data)
    return record


def _check_id(call: Call, product_id: str) -> None:
    if not ID.fullmatch(product_id):
        raise invalid("Invalid ID: use letters, digits, hyphens and underscores only.", param="id")
    if call.objects.find_any(product_id):
        raise invalid("Product already exists.", "resource_already_exists", "id")


def _blank(call: Call, product_id: str) -> Json:
    empty = (
        "default_price", "description", "package_dimensions", "shippable", "statement_descriptor",
        "tax_code", "tax_details", "unit_label", "url",
    )  # fmt: skip
    return {
        "id": product_id,
        "object": "product",
        **dict.fromkeys(empty),
        "active": True,
        "created": call.now,
        "images": [],
        "livemode": call.account.livemode,
        "marketing_features": [],
        "metadata": {},
        "name": "",
        "type": "service",
        "updated": call.now,
    }


def _edit(record: Record, given: Json) -> None:
    changes = {key: given[key] for key in EDITABLE if key in given}
    if "metadata" in changes:
        changes["metadata"] = merge_metadata(record.data["metadata"], changes["metadata"])
    record.data.update(changes)


@route("GET", "/v1/products/{id}")
def retrieve(call: Call) -> Json:
    return call.subject("product").data


@route("POST", "/v1/products/{id}", {**EDITABLE, "default_price": text()})
def update(call: Call) -> Json:
    record, price_id = call.subject("product"), call.params.get("default_price")
    _edit(record, call.params)
    if "default_price" in call.params:
        if price_id and _owner(call, price_id) != record.id:
            raise invalid("The price specified belongs to another product.", param="default_price")
        record.data["default_price"] = price_id
    if record.previous_attributes():
        record.data["updated"] = call.now
    return call.update(record, "product.updated").data


def _owner(call: Call, price_id: str) -> str:
    return str(call.reference("price", price_id, "default_price").data["product"])


@route("DELETE", "/v1/products/{id}")
def delete(call: Call) -> Json:
    record = call.subject("product")
    if call.objects.all("price", product=record.id):
        raise invalid(
            "This product cannot be deleted because it has one or more user-created prices."
        )
    call.emit("product.deleted", record.data)
    call.objects.remove(record)
    return {"id": record.id, "object": "product", "deleted": True}


LISTED: Schema = {
    **PAGING,
    "active": boolean,
    "created": time_range,
    "ids": array(word()),
    "shippable": boolean,
    "type": text(),
    "url": text(),
}


@route("GET", "/v1/products", LISTED)
def list_all(call: Call) -> Json:
    names = ("active", "shippable", "type", "url")
    filters = {name: call.params.get(name) for name in names}
    return list_objects(call, "product", id=call.params.get("ids"), **filters)
