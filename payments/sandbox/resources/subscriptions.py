"""Subscriptions; https://docs.stripe.com/api/subscriptions."""

from ..call import Call
from ..errors import invalid, unknown_object
from ..listing import ABSENT, list_objects
from ..messages import Json
from ..objects import Record
from ..params import PAGING, Schema, boolean, choice, text, time_range
from ..registry import route, tell
from . import (
    invoice_totals,
    prorations,
    subscription_billing,
    subscription_changes,
    subscription_start,
    subscription_states,
)
from .subscription_input import BILLING_MODE, CANCELLATION, CHANGES, NEW, anchor_of
from .subscription_states import ENDED, period

STATUSES = (
    "active", "canceled", "incomplete", "incomplete_expired", "past_due", "paused", "trialing",
    "unpaid",
)  # fmt: skip


@route("POST", "/v1/subscriptions", NEW, ["customer", "items"])
def create(call: Call) -> Json:
    return subscription_start.start(call, call.params).data


@route("GET", "/v1/subscriptions/{id}")
def retrieve(call: Call) -> Json:
    return call.subject("subscription").data


@route("POST", "/v1/subscriptions/{id}", CHANGES)
def update(call: Call) -> Json:
    record = call.subject("subscription")
    params = dict(call.params)
    if "billing_cycle_anchor" in params:
        params["billing_cycle_anchor"] = anchor_of(call)
    subscription_changes.change(call, record, params)
    tell(call.in_time_of(record.data), "subscription.changed", call.fresh(record))
    return call.fresh(record).data


@route("POST", "/v1/subscriptions/{id}/migrate", {"billing_mode": BILLING_MODE}, ["billing_mode"])
def migrate_subscription(call: Call) -> Json:
    """From classic to flexible billing; https://docs.stripe.com/billing/subscriptions/billing-mode."""
    record = call.subject("subscription")
    call = call.in_time_of(record.data)
    if record.data["billing_mode"]["type"] == "flexible":
        raise invalid(
            "The subscription is already in `flexible` billing mode.", param="billing_mode"
        )
    if record.data["status"] in ENDED:
        raise invalid("A canceled subscription cannot be migrated.")
    given = call.params["billing_mode"]
    record.data["billing_mode"] = subscription_start.make_billing_mode(given, call.now)
    return call.update(record, "customer.subscription.updated").data


@route("DELETE", "/v1/subscriptions/{id}/discount")
def delete_discount(call: Call) -> Json:
    """What it had is told once more, as deleted."""
    record = call.subject("subscription")
    call = call.in_time_of(record.data)
    if not record.data["discounts"]:
        raise unknown_object("discount", record.id)
    dropped = call.reference("discount", record.data["discounts"][-1], "discount").data
    record.data["discounts"] = []
    call.update(record, "customer.subscription.updated")
    call.emit("customer.discount.deleted", dropped)
    gone = {name: value for name, value in dropped.items() if name != "end"}
    return {**gone, "deleted": True}


CANCEL: Schema = {"cancellation_details": CANCELLATION, "invoice_now": boolean, "prorate": boolean}


@route("DELETE", "/v1/subscriptions/{id}", CANCEL)
def cancel(call: Call) -> Json:
    record = call.subject("subscription")
    if record.data["status"] in ENDED:
        raise unknown_object("subscription", record.id)
    cancel_now(call, record, call.params)
    return call.fresh(record).data


def cancel_now(call: Call, record: Record, params: Json) -> None:
    data = record.data
    customer = call.reference("customer", data["customer"], "customer")
    call = call.in_time_of(customer.data)
    data["cancellation_details"].update(params.get("cancellation_details") or {})
    data["cancellation_details"]["reason"] = "cancellation_requested"
    if data["status"] == "incomplete":
        subscription_states.expire(call, record)
        return
    if params.get("prorate") and data["status"] != "trialing" and call.now < period(data)[1]:
        prorations.credit(call, customer, data["items"]["data"], call.now)
    final = _final_invoice(call, customer, record) if params.get("invoice_now") else None
    subscription_states.end(call, record)
    if final is not None:
        subscription_billing.bill(call, final, {"off_session": True})


def _final_invoice(call: Call, customer: Record, record: Record) -> Record | None:
    if not invoice_totals.pending_items(call, customer.id, record):
        return None
    made = invoice_totals.draft(call, customer, "subscription_update", [], subscription=record)
    record.data["latest_invoice"] = made.id
    return made


LISTED: Schema = {
    **PAGING,
    "collection_method": text(),
    "created": time_range,
    "customer": text(),
    "price": text(),
    "status": choice(*STATUSES, "all", "ended"),
    "test_clock": text(),
}


@route("GET", "/v1/subscriptions", LISTED)
def list_all(call: Call) -> Json:
    """Canceled ones, and those on test clocks, are shown when asked for."""
    params = call.params
    call.check_known("customer", "customer")
    call.check_known("price", "price")
    filters: Json = {name: params.get(name) for name in ("collection_method", "customer")}
    filters["status"] = _wanted(params.get("status"))
    filters["items.data[0].price.id"] = params.get("price")
    if params.get("test_clock") or not params.get("customer"):
        filters["test_clock"] = params.get("test_clock") or ABSENT
    return list_objects(call, "subscription", **filters)


def _wanted(status: str | None) -> list[str] | str | None:
    if status is None:
        return [each for each in STATUSES if each != "canceled"]
    return {"all": None, "ended": list(ENDED)}.get(status, status)
