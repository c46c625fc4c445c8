"""Pausing a subscription and going on with it; https://docs.stripe.com/billing/subscriptions/pause."""

from ..calendar import last_before, next_after
from ..call import Call
from ..errors import invalid
from ..messages import Json
from ..objects import Record
from ..params import Schema, choice, fields, moment
from ..registry import route
from . import (
    billing_meters,
    invoice_items,
    invoice_totals,
    price_amounts,
    prorations,
    subscription_billing,
    subscription_changes,
    subscription_cycle,
    subscription_parts,
    subscription_states,
)
from .subscription_input import PRORATION, anchor, anchor_of
from .subscription_states import period, set_period

PAUSE: Schema = {
    "bill_for": fields(
        outstanding_usage_through=fields(["type"], type=choice("none", "now")),
        unused_time_from=fields(["type"], type=choice("item_current_period_start", "none", "now")),
    ),
    "invoicing_behavior": choice("invoice", "pending_invoice_item"),
    "type": choice("subscription"),
}


@route("POST", "/v1/subscriptions/{id}/pause", PAUSE)
def pause_subscription(call: Call) -> Json:
    record = call.subject("subscription")
    call = call.in_time_of(record.data)
    _check_pausable(record)
    customer = call.reference("customer", record.data["customer"], "customer")
    _settle(call, customer, record)
    set_period(record.data, period(record.data)[0], call.now)
    if call.params.get("invoicing_behavior") == "invoice":
        _invoice(call, customer, record)
    subscription_states.mark_paused(call, record, "pause_requested")
    return call.fresh(record).data


def _check_pausable(record: Record) -> None:
    data = record.data
    if data["billing_mode"]["type"] != "flexible":
        raise invalid("Only subscriptions with `billing_mode` `flexible` can be paused.")
    if data["schedule"]:
        raise invalid(
            f"The subscription is managed by the subscription schedule `{data['schedule']}` and"
            " cannot be paused."
        )
    if data["status"] != "active" or data["pause_collection"]:
        why = "its collection is paused" if data["pause_collection"] else f"it is {data['status']}"
        raise invalid(f"This subscription cannot be paused: {why}.")


def _settle(call: Call, customer: Record, record: Record) -> None:
    """Give back the time that is not used, and ask for the use that is not billed yet."""
    wishes, items = call.params.get("bill_for") or {}, record.data["items"]["data"]
    start, until = period(record.data)
    unused = (wishes.get("unused_time_from") or {"type": "now"})["type"]
    if unused != "none" and call.now < until:
        prorations.credit(call, customer, items, call.now if unused == "now" else start)
    if (wishes.get("outstanding_usage_through") or {"type": "now"})["type"] == "now":
        for item in items:
            _bill_usage(call, customer, item, start)


def _bill_usage(call: Call, customer: Record, item: Json, start: int) -> None:
    meter = item["price"]["recurring"]["meter"]
    used = billing_meters.get_usage(call, meter, customer.id, start, call.now)
    if not used:
        return
    made = {
        "amount": price_amounts.amount_of(call, item["price"], used),
        "currency": item["price"]["currency"],
        "item": item["id"],
        "period": {"end": call.now, "start": start},
        "price": item["price"],
        "quantity": used,
        "subscription": item["subscription"],
    }
    invoice_items.make(call, customer, made)


def _invoice(call: Call, customer: Record, record: Record) -> None:
    if invoice_totals.pending_items(call, customer.id, record):
        made = invoice_totals.draft(call, customer, "subscription_update", [], subscription=record)
        record.data["latest_invoice"] = made.id
        call.objects.save(record)
        subscription_billing.bill(call, made, {"off_session": True})


RESUME: Schema = {
    "billing_cycle_anchor": anchor,
    "payment_behavior": choice("resume_on_payment_attempt", "resume_on_payment_success"),
    "proration_behavior": PRORATION,
    "proration_date": moment,
}


@route("POST", "/v1/subscriptions/{id}/resume", RESUME)
def resume_subscription(call: Call) -> Json:
    """Only a paused subscription; a pause of collection ends by an update."""
    record = call.subject("subscription")
    if record.data["status"] != "paused":
        raise invalid(
            "You can only resume a subscription that is paused; this one has the status"
            f" {record.data['status']}."
        )
    anchored = anchor_of(call)
    call = call.in_time_of(record.data)
    if anchored == "unchanged":
        _resume_cycle(call, record)
    else:
        wake_subscription(call, record)
    return call.fresh(record).data


def wake_subscription(call: Call, record: Record) -> None:
    """A new period begins, and is charged."""
    _activate(call, record)
    params = {"billing_cycle_anchor": "now", "proration_behavior": "none"}
    subscription_changes.change(call, record, params)


def _activate(call: Call, record: Record) -> None:
    record.data["status"] = "active"
    record.data.pop("status_details", None)
    call.emit("customer.subscription.resumed", record.data)


def _resume_cycle(call: Call, record: Record) -> None:
    """In the old rhythm: what is left of the present period is charged with the next one."""
    data, params = record.data, call.params
    _activate(call, record)
    interval, count = subscription_parts.rhythm(data["items"]["data"][0])
    anchored = data["billing_cycle_anchor"]
    start = last_before(anchored, call.now, interval, count)
    until = next_after(anchored, call.now, interval, count)
    set_period(data, start, until)
    if params.get("proration_behavior") != "none":
        customer = call.reference("customer", data["customer"], "customer")
        at = params.get("proration_date") or call.now
        prorations.debit(call, customer, data["items"]["data"], max(start, min(at, until)))
        if params.get("proration_behavior") == "always_invoice":
            _invoice(call, customer, record)
    subscription_states.announce(call, record)
    subscription_cycle.catch_up(call, call.fresh(record))
