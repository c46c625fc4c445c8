"""Where events are sent; https://docs.stripe.com/api/webhook_endpoints."""

from ..call import Call
from ..errors import invalid
from ..ids import new_id
from ..listing import list_objects
from ..messages import Json
from ..objects import Record
from ..params import PAGING, Schema, array, boolean, merge_metadata, metadata, text, url, word
from ..registry import route
from ..version import get_released_version

MOST_ENDPOINTS = 16  # https://docs.stripe.com/webhooks#register-webhook
COMMON: Schema = {
    "description": text(),
    "enabled_events": array(word(), 300),
    "metadata": metadata,
    "url": url,
}


@route(
    "POST",
    "/v1/webhook_endpoints",
    {**COMMON, "api_version": text(), "connect": boolean},
    ["enabled_events", "url"],
)
def create(call: Call) -> Json:
    """The answer to this call is the only one that shows the signing secret."""
    version = call.params.get("api_version")
    if version and get_released_version(version) is None:
        raise invalid(f"Invalid Stripe API version: {version}", param="api_version")
    if len(call.objects.all("webhook_endpoint")) >= MOST_ENDPOINTS:
        raise invalid(f"You have reached the maximum of {MOST_ENDPOINTS} webhook endpoints.")
    record = call.objects.add("webhook_endpoint", _body(call), {"secret": new_id("whsec")})
    _edit(call, record)
    call.objects.save(record)
    return {**record.data, "secret": record.private["secret"]}


def _body(call: Call) -> Json:
    return {
        "id": new_id("we"),
        "object": "webhook_endpoint",
        "api_version": call.params.get("api_version"),
        "application": None,
        "created": call.now,
        "description": None,
        "enabled_events": [],
        "livemode": call.account.livemode,
        "metadata": {},
        "status": "enabled",
        "url": None,
    }


def _edit(call: Call, record: Record) -> None:
    given = {key: call.params[key] for key in COMMON if key in call.params}
    if "enabled_events" in given and not given["enabled_events"]:
        raise invalid("You must enable at least one event.", param="enabled_events")
    if "metadata" in given:
        given["metadata"] = merge_metadata(record.data["metadata"], given["metadata"])
    record.data.update(given)


@route("GET", "/v1/webhook_endpoints/{id}")
def retrieve(call: Call) -> Json:
    return call.subject("webhook_endpoint").data


@route("POST", "/v1/webhook_endpoints/{id}", {**COMMON, "disabled": boolean})
def update(call: Call) -> Json:
    record = call.subject("webhook_endpoint")
    _edit(call, record)
    if "disabled" in call.params:
        record.data["status"] = "disabled" if call.params["disabled"] else "enabled"
    call.objects.save(record)
    return record.data


@route("DELETE", "/v1/webhook_endpoints/{id}")
def delete(call: Call) -> Json:
    record = call.subject("webhook_endpoint")
    call.objects.remove(record)
    return {"id": record.id, "object": "webhook_endpoint", "deleted": True}


@route("GET", "/v1/webhook_endpoints", PAGING)
def list_all(call: Call) -> Json:
    return list_objects(call, "webhook_endpoint")
