"""Setup intents as objects; https://docs.stripe.com/api/setup_intents."""

from ..call import Call
from ..errors import invalid, unexpected_state
from ..ids import client_secret, new_id
from ..listing import list_objects
from ..messages import Json
from ..objects import Record
from ..params import (
    PAGING,
    Schema,
    anything,
    boolean,
    choice,
    fields,
    metadata,
    option,
    put_metadata,
    text,
    time_range,
    url,
)
from ..registry import route
from . import other_methods, payment_methods, saved_cards, setups
from .browser import check_browser, shown_to
from .method_types import (
    METHOD_TYPES,
    check_alternatives,
    check_method_fits,
    check_method_types,
    choose_method_types,
    merge_options,
)
from .payment_intents import given_method

CARD_OPTIONS = fields(
    request_three_d_secure=choice("any", "automatic", "challenge"), moto=boolean, network=text()
)
ABOUT_METHOD: Schema = {
    "payment_method": text(),
    "payment_method_data": fields(["type"], **payment_methods.NEW),
    "payment_method_options": fields(
        (), card=CARD_OPTIONS, **dict.fromkeys(other_methods.KINDS, anything)
    ),
}
EDITABLE: Schema = {
    **ABOUT_METHOD,
    **METHOD_TYPES,
    "attach_to_self": boolean,
    "customer": text(),
    "customer_account": text(),
    "description": text(1000),
    "flow_directions": anything,
    "metadata": metadata,
}
CONFIRMING: Schema = {"mandate_data": anything, "return_url": url, "use_stripe_sdk": boolean}
NEW: Schema = {
    **EDITABLE,
    **CONFIRMING,
    "automatic_payment_methods": fields(
        ["enabled"], enabled=boolean, allow_redirects=choice("always", "never")
    ),
    "confirm": boolean,
    "single_use": anything,
    "on_behalf_of": text(),
    "usage": option("off_session", "on_session"),
}


@route("POST", "/v1/setup_intents", NEW)
def create(call: Call) -> Json:
    params = call.params
    check_alternatives(params)
    check_method_types(call, params)
    if params.get("return_url") and not params.get("confirm"):
        message = "You cannot provide `return_url` without also setting `confirm` to `true`."
        raise invalid(message, param="return_url")
    record = call.objects.add("setup_intent", blank(call))
    edit(call, record)
    call.objects.save(record)
    call.emit("setup_intent.created", record.data)
    if params.get("confirm"):
        setups.confirm(call, record)
    return record.data


def blank(call: Call) -> Json:
    """The parameters of the call say what may be set up with it."""
    intent_id = new_id("seti")
    empty = (
        "application", "cancellation_reason", "customer", "description", "flow_directions",
        "last_setup_error", "latest_attempt", "mandate", "next_action", "on_behalf_of",
        "payment_method", "single_use_mandate",
    )  # fmt: skip
    body: Json = {
        "id": intent_id,
        "object": "setup_intent",
        **dict.fromkeys(empty),
        "client_secret": client_secret(intent_id),
        "created": call.now,
        "livemode": call.account.livemode,
        "metadata": {},
        "status": "requires_payment_method",
        "usage": call.params.get("usage") or "off_session",
    }
    choose_method_types(call, body, call.params)
    return body


def edit(call: Call, record: Record) -> None:
    params, data = call.params, record.data
    if "description" in params:
        data["description"] = params["description"]
    put_metadata(data, params)
    if params.get("customer"):
        data["customer"] = call.reference("customer", params["customer"], "customer").id
    if params.get("payment_method_options"):
        merge_options(data, params["payment_method_options"])
    apply_method(call, record)


def apply_method(call: Call, record: Record) -> None:
    method = given_method(call)
    if method is not None:
        saved_cards.check_usable(method, record.data["customer"])
        check_method_fits(record.data, method.data)
        record.data["payment_method"] = method.id
        record.data["status"] = "requires_confirmation"


@route("GET", "/v1/setup_intents/{id}", {"client_secret": text(), "key": text()}, browser=True)
def retrieve(call: Call) -> Json:
    record = call.subject("setup_intent")
    check_browser(call, record)
    return shown_to(call, record.data)


@route("POST", "/v1/setup_intents/{id}", EDITABLE)
def update(call: Call) -> Json:
    record = call.subject("setup_intent")
    check_method_types(call, call.params)
    status = record.data["status"]
    if status not in setups.CONFIRMABLE and set(call.params) - {"metadata", "expand"}:
        raise unexpected_state(
            "setup_intent",
            f"You cannot update this SetupIntent because it has a status of {status}. Only a"
            " SetupIntent with one of the following statuses may be updated:"
            f" {', '.join(setups.CONFIRMABLE)}.",
            record.data,
        )
    edit(call, record)
    # As with payment intents, there is no event for an update.
    call.objects.save(record)
    return record.data


LISTED: Schema = {
    **PAGING,
    "attach_to_self": boolean,
    "created": time_range,
    "customer": text(),
    "customer_account": text(),
    "payment_method": text(),
}


@route("GET", "/v1/setup_intents", LISTED)
def list_all(call: Call) -> Json:
    names = ("customer", "payment_method")
    return list_objects(call, "setup_intent", **{name: call.params.get(name) for name in names})
