"""What an invoice would be; https://docs.stripe.com/api/invoices/create_preview.

The change is made for real and then taken back, so a preview can never differ from the deed.
"""

from ..call import Call
from ..errors import missing_param
from ..ids import random_text
from ..messages import Json
from ..objects import Record
from ..params import Schema, array, boolean, choice, fields, metadata, moment, text
from ..registry import route
from . import (
    invoice_totals,
    prorations,
    subscription_changes,
    subscription_cycle,
    subscription_start,
    subscription_states,
)
from .subscription_input import CHANGED_ITEM, PRORATION, moment_or

DETAILS = fields(
    billing_cycle_anchor=moment_or("now", "unchanged"),
    cancel_at=moment_or("max_period_end", "min_period_end"),
    cancel_at_period_end=boolean,
    cancel_now=boolean,
    items=array(CHANGED_ITEM, 20),
    metadata=metadata,
    proration_behavior=PRORATION,
    proration_date=moment,
    trial_end=moment_or("now"),
)
PREVIEW: Schema = {
    "currency": text(),
    "customer": text(),
    "preview_mode": choice("next"),
    "subscription": text(),
    "subscription_details": DETAILS,
}


@route("POST", "/v1/invoices/create_preview", PREVIEW)
def create_preview(call: Call) -> Json:
    details = call.params.get("subscription_details") or {}
    with call.store.step() as take_back:
        try:
            body = _preview(call, details)
        finally:
            take_back()
    preview_id = f"upcoming_in_{random_text(24)}"
    body["id"] = preview_id
    for line in body["lines"]["data"]:
        line["invoice"] = preview_id
    body["lines"]["url"] = f"/v1/invoices/{preview_id}/lines"
    return body


def _preview(call: Call, details: Json) -> Json:
    if call.params.get("subscription"):
        given = call.params["subscription"]
        subscription = call.reference("subscription", given, "subscription")
        call = call.in_time_of(subscription.data)
        return _of_change(call, subscription, details)
    if not call.params.get("customer"):
        raise missing_param("subscription")
    params = {
        "customer": call.params["customer"],
        "payment_behavior": "default_incomplete",
        **{name: value for name, value in details.items() if isinstance(value, list | int)},
    }
    return _of_invoice(call, subscription_start.start(call, params))


def _of_invoice(call: Call, subscription: Record) -> Json:
    latest = subscription.data["latest_invoice"]
    return {**call.reference("invoice", latest, "invoice").data, "billing_reason": "upcoming"}


def _of_change(call: Call, subscription: Record, details: Json) -> Json:
    if details.get("cancel_now"):
        return _of_end(call, subscription, details)
    applied = subscription_changes.apply(call, subscription, details)
    if subscription_changes.bills_at_once(applied):
        return subscription_changes.draft(applied).data
    return subscription_cycle.upcoming(applied.call, subscription)


def _of_end(call: Call, subscription: Record, details: Json) -> Json:
    data = subscription.data
    customer = call.reference("customer", data["customer"], "customer")
    if details.get("proration_behavior") != "none" and data["status"] != "trialing":
        at = min(details.get("proration_date") or call.now, subscription_states.period(data)[1])
        prorations.credit(call, customer, data["items"]["data"], at)
    return invoice_totals.draft(call, customer, "upcoming", [], subscription=subscription).data
