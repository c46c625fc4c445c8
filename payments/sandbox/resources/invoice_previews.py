"""What an invoice would be; https://docs.stripe.com/api/invoices/create_preview.

The change is made for real and then taken back, so a preview can never differ from the deed.
"""

from dataclasses import replace

from ..call import Call
from ..errors import ApiError, missing_param
from ..ids import random_text
from ..messages import Json
from ..objects import Record
from ..params import Schema, array, boolean, choice, entry, fields, metadata, moment, text
from ..registry import route
from . import (
    discounts,
    invoice_items,
    invoice_totals,
    prorations,
    subscription_changes,
    subscription_cycle,
    subscription_start,
    subscription_states,
)
from .invoice_input import EDITABLE as INVOICE
from .invoice_input import merge_settings
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
ITEM = entry((), **{name: check for name, check in invoice_items.NEW.items() if name != "customer"})
PREVIEW: Schema = {
    "automatic_tax": INVOICE["automatic_tax"],
    "currency": text(),
    "customer": text(),
    "customer_account": text(),
    "discounts": INVOICE["discounts"],
    "invoice_items": array(ITEM, 250),
    "issuer": INVOICE["issuer"],
    "on_behalf_of": text(),
    "preview_mode": choice("next"),
    "subscription": text(),
    "subscription_details": DETAILS,
}


@route("POST", "/v1/invoices/create_preview", PREVIEW)
def create_preview(call: Call) -> Json:
    details = call.params.get("subscription_details") or {}
    with call.store.step() as take_back:
        try:
            body = _discounted(call, _preview(call, details))
        finally:
            take_back()
    preview_id = f"upcoming_in_{random_text(24)}"
    body["id"] = preview_id
    for line in body["lines"]["data"]:
        line["invoice"] = preview_id
    body["lines"]["url"] = f"/v1/invoices/{preview_id}/lines"
    return body


def _discounted(call: Call, body: Json) -> Json:
    """The invoice's own parameters, where the preview of a subscription has none of its own."""
    merge_settings(body, call.params)
    given = call.params.get("discounts")
    if given:
        body["discounts"] = discounts.make_discounts(call, given, body["customer"], "discounts")
        invoice_totals.put(call, body, body["lines"]["data"])
    return body


def _preview(call: Call, details: Json) -> Json:
    if call.params.get("subscription"):
        given = call.params["subscription"]
        subscription = call.reference("subscription", given, "subscription")
        call = call.in_time_of(subscription.data)
        _add_items(call, subscription.data["customer"], subscription.id)
        return _of_change(call, subscription, details)
    if not call.params.get("customer"):
        raise missing_param("subscription")
    _add_items(call, call.params["customer"])
    if not details.get("items"):
        return _of_items(call)
    params = {
        "customer": call.params["customer"],
        "payment_behavior": "default_incomplete",
        **{name: value for name, value in details.items() if isinstance(value, list | int)},
    }
    return _of_invoice(call, subscription_start.start(call, params))


def _add_items(call: Call, customer_id: str, subscription_id: str | None = None) -> None:
    for item in call.params.get("invoice_items") or []:
        given = {"customer": customer_id, "subscription": subscription_id, **item}
        invoice_items.create(replace(call, params=given))


def _of_items(call: Call) -> Json:
    """What waits to be billed, without any subscription."""
    customer = call.reference("customer", call.params["customer"], "customer")
    if not invoice_totals.pending_items(call, customer.id, None):
        raise ApiError(
            404, f"No upcoming invoices for customer: {customer.id}", code="invoice_upcoming_none"
        )
    return invoice_totals.draft(call, customer, "upcoming", []).data


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
