"""Checkout sessions; https://docs.stripe.com/api/checkout/sessions."""

from ..call import Call
from ..errors import invalid
from ..ids import client_secret
from ..listing import list_objects, list_of
from ..messages import Json
from ..objects import Record
from ..params import (
    PAGING,
    Schema,
    choice,
    email,
    fields,
    merge_metadata,
    metadata,
    put_metadata,
    text,
    time_range,
)
from ..registry import job, route
from ..store import BUSINESS_NAME_SET
from . import (
    checkout_input,
    checkout_lines,
    discounts,
    setup_intents,
    subscription_states,
)
from .checkout_bodies import KIND, build_body
from .method_types import check_method_types
from .subscription_start import check_trial_end


@route("POST", "/v1/checkout/sessions", checkout_input.NEW, ["mode", "success_url"])
def create(call: Call) -> Json:
    params = call.params
    checkout_input.check(params)
    if not call.is_set_up(BUSINESS_NAME_SET):
        raise invalid(
            "In order to use Checkout, you must set an account or business name at"
            " https://dashboard.stripe.com/account."
        )
    check_method_types(call, params)
    customer = None
    if params.get("customer"):
        customer = call.reference("customer", params["customer"], "customer")
        call = call.in_time_of(customer.data)
    lines = checkout_lines.make(call, params.get("line_items") or [], params["mode"])
    trial = params.get("subscription_data") or {}
    if trial.get("trial_period_days") or trial.get("trial_end"):
        check_trial_end(call, trial.get("trial_end") or call.now + 1)
        checkout_lines.start_with_trial(lines)
    for given in params.get("discounts") or []:
        _take_off(call, lines, given)
    data = build_body(call, lines, customer)
    record = call.objects.add(KIND, data, {"line_items": lines, "params": _kept(params)})
    if params["mode"] == "setup":
        data["setup_intent"] = _setup(call, record)
        call.objects.save(record)
    call.when(data["expires_at"], "checkout.expire", record.id)
    return record.data


def _take_off(call: Call, lines: list[Json], given: Json) -> None:
    """It is redeemed once the session completes."""
    param = "discounts[0]"
    if bool(given.get("coupon")) is bool(given.get("promotion_code")):
        message = "You must pass exactly one of `coupon` and `promotion_code`."
        raise invalid(message, param=param)
    coupon = discounts.find_coupon(call, given, call.params.get("customer"), param)
    discounts.check_currency_fits(coupon, lines[0]["currency"], param)
    checkout_lines.take_off(lines, coupon)


def _kept(params: Json) -> Json:
    """What matters once the customer submits."""
    names = (
        "customer_creation", "discounts", "payment_intent_data", "setup_intent_data",
        "subscription_data",
    )  # fmt: skip
    return {name: params.get(name) or {} for name in names}


def _setup(call: Call, session: Record) -> str:
    given = session.private["params"]["setup_intent_data"]
    body = setup_intents.blank(call)
    body.update(
        customer=session.data["customer"],
        client_secret=client_secret(body["id"]),
        description=given.get("description"),
        metadata=merge_metadata({}, given.get("metadata") or {}),
        usage="off_session",
    )
    made = call.objects.add("setup_intent", body, {"session": session.id})
    call.emit("setup_intent.created", body)
    return made.id


@route("GET", "/v1/checkout/sessions/{id}")
def retrieve(call: Call) -> Json:
    return call.subject(KIND).data


@route("POST", "/v1/checkout/sessions/{id}", {"metadata": metadata})
def update(call: Call) -> Json:
    record = call.subject(KIND)
    put_metadata(record.data, call.params)
    call.objects.save(record)
    return record.data


@route("GET", "/v1/checkout/sessions/{id}/line_items", PAGING)
def line_items(call: Call) -> Json:
    lines, limit = call.subject(KIND).private["line_items"], call.params.get("limit", 10)
    return list_of(lines[:limit], call.url_path, len(lines) > limit)


@route("POST", "/v1/checkout/sessions/{id}/expire")
def expire(call: Call) -> Json:
    record = call.subject(KIND)
    if record.data["status"] != "open":
        raise invalid(
            'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout'
            f" Session has a status of {record.data['status']}."
        )
    close(call, record)
    return record.data


@job("checkout.expire")
def expire_later(call: Call, session_id: str) -> None:
    record = call.reference(KIND, session_id, "session")
    if record.data["status"] == "open":
        close(call, record)


def close(call: Call, record: Record) -> None:
    """What the customer had begun to pay is given up, too."""
    record.data.update(status="expired", url=None)
    call.objects.save(record)
    call.emit("checkout.session.expired", record.data)
    begun = record.private.get("subscription")
    subscription = call.objects.find("subscription", begun) if begun else None
    if subscription is not None and subscription.data["status"] == "incomplete":
        subscription_states.expire(call, subscription)


LISTED: Schema = {
    **PAGING,
    "created": time_range,
    "customer": text(),
    "customer_details": fields(["email"], email=email),
    "payment_intent": text(),
    "status": choice("complete", "expired", "open"),
    "subscription": text(),
}


@route("GET", "/v1/checkout/sessions", LISTED)
def list_all(call: Call) -> Json:
    names = ("customer", "payment_intent", "status", "subscription")
    filters = {name: call.params.get(name) for name in names}
    about = call.params.get("customer_details") or {}
    return list_objects(call, KIND, **{"customer_details.email": about.get("email")}, **filters)
