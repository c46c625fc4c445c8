"""Features of products, which nobody is entitled to here; https://docs.stripe.com/api/entitlements."""

from ..call import Call
from ..errors import invalid
from ..ids import new_id
from ..listing import list_objects, list_of
from ..messages import Json
from ..params import PAGING, boolean, merge_metadata, metadata, text, word
from ..registry import route

KIND = "entitlements.feature"


@route(
    "POST",
    "/v1/entitlements/features",
    {"lookup_key": word(80), "metadata": metadata, "name": word(80)},
    ["lookup_key", "name"],
)
def create_feature(call: Call) -> Json:
    key = call.params["lookup_key"]
    if call.objects.all(KIND, lookup_key=key):
        raise invalid(f"A feature with the lookup key {key} exists already.", param="lookup_key")
    body = {
        "id": new_id("feat"),
        "object": KIND,
        "active": True,
        "livemode": call.account.livemode,
        "lookup_key": key,
        "metadata": merge_metadata({}, call.params.get("metadata") or {}),
        "name": call.params["name"],
    }
    return call.objects.add(KIND, body).data


@route("GET", "/v1/entitlements/features/{id}")
def retrieve_feature(call: Call) -> Json:
    return call.subject(KIND).data


@route("GET", "/v1/entitlements/features", {**PAGING, "archived": boolean, "lookup_key": text()})
def list_features(call: Call) -> Json:
    return list_objects(call, KIND, lookup_key=call.params.get("lookup_key"))


@route("GET", "/v1/entitlements/active_entitlements", {**PAGING, "customer": text()}, ["customer"])
def list_active(call: Call) -> Json:
    call.check_known("customer", "customer")
    return list_of([], call.url_path)
