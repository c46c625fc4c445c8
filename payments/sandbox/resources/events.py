"""Events, kept as they were when they happened; https://docs.stripe.com/api/events."""

from ..call import Call
from ..errors import invalid
from ..listing import list_objects
from ..messages import Json
from ..params import PAGING, array, boolean, text, time_range, word
from ..registry import route
from .webhook_endpoints import MOST_ENDPOINTS


@route("GET", "/v1/events/{id}")
def retrieve(call: Call) -> Json:
    return call.subject("event").data


LISTED = {
    **PAGING,
    "created": time_range,
    "delivery_success": boolean,
    "type": text(),
    "types": array(word(), 20),
}


@route("GET", "/v1/events", LISTED)
def list_all(call: Call) -> Json:
    params = call.params
    if params.get("type") and params.get("types"):
        raise invalid("You may only specify one of these parameters: type, types.", param="type")
    wanted = params.get("types") or params.get("type")
    filters: Json = {"type": wanted}
    if "delivery_success" in params:
        waiting = list(range(1, MOST_ENDPOINTS + 1))
        filters["pending_webhooks"] = 0 if params["delivery_success"] else waiting
    return list_objects(call, "event", **filters)
