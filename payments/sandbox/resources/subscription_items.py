"""Items of subscriptions one by one; https://docs.stripe.com/api/subscription_items."""

from ..call import Call
from ..errors import unknown_object
from ..listing import list_of
from ..messages import Json
from ..objects import Record
from ..params import PAGING, Schema, boolean, moment, text, word
from ..registry import route
from . import subscription_changes
from .subscription_input import ITEM, PRORATION, behavior

ABOUT: Schema = {
    **ITEM,
    "off_session": boolean,
    "payment_behavior": behavior,
    "proration_behavior": PRORATION,
    "proration_date": moment,
}


def _find(call: Call) -> tuple[Record, Json]:
    wanted = call.path["id"]
    for record in call.objects.all("subscription"):
        for item in record.data["items"]["data"]:
            if item["id"] == wanted:
                return record, item
    raise unknown_object("subscription_item", wanted)


def _change(call: Call, record: Record, entry: Json) -> Record:
    about_item = {name: call.params[name] for name in ITEM if name in call.params}
    rest = {name: value for name, value in call.params.items() if name not in ITEM}
    rest.pop("subscription", None)
    subscription_changes.change(call, record, {**rest, "items": [{**entry, **about_item}]})
    return call.fresh(record)


@route("POST", "/v1/subscription_items", {**ABOUT, "subscription": word()}, ["subscription"])
def create(call: Call) -> Json:
    record = call.reference("subscription", call.params["subscription"], "subscription")
    changed = _change(call, record, {})
    added: Json = changed.data["items"]["data"][-1]
    return added


@route("GET", "/v1/subscription_items/{id}")
def retrieve(call: Call) -> Json:
    return _find(call)[1]


@route("POST", "/v1/subscription_items/{id}", ABOUT)
def update(call: Call) -> Json:
    record, item = _find(call)
    _change(call, record, {"id": item["id"]})
    return _find(call)[1]


DELETE: Schema = {
    "clear_usage": boolean,
    "payment_behavior": behavior,
    "proration_behavior": PRORATION,
    "proration_date": moment,
}


@route("DELETE", "/v1/subscription_items/{id}", DELETE)
def delete(call: Call) -> Json:
    record, item = _find(call)
    _change(call, record, {"id": item["id"], "deleted": True})
    return {"id": item["id"], "object": "subscription_item", "deleted": True}


@route("GET", "/v1/subscription_items", {**PAGING, "subscription": text()}, ["subscription"])
def list_all(call: Call) -> Json:
    record = call.reference("subscription", call.params["subscription"], "subscription")
    items = record.data["items"]["data"]
    limit = call.params.get("limit", 10)
    return list_of(items[:limit], call.url_path, len(items) > limit)
