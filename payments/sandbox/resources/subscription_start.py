"""How a subscription begins; https://docs.stripe.com/billing/subscriptions/overview."""

from typing import Any

from ..calendar import DAY, next_after, share
from ..call import Call
from ..errors import invalid
from ..ids import client_secret, new_id
from ..messages import Json
from ..objects import Record
from ..params import merge_metadata
from . import (
    discounts,
    invoice_lines,
    invoice_totals,
    price_amounts,
    setup_intents,
    subscription_billing,
    subscription_cycle,
    subscription_parts,
)
from .subscription_states import announce, method_of, period, set_period

INVOICING: Json = {
    "account_tax_ids": None,
    "custom_fields": None,
    "description": None,
    "footer": None,
    "issuer": {"type": "self"},
}
TRIAL_LIMIT = 5 * 366 * DAY


def start(call: Call, params: Json) -> Record:
    customer = call.reference("customer", params["customer"], "customer")
    call = call.in_time_of(customer.data)
    subscription = _compose(call, customer, params)
    extras = params.get("add_invoice_items") or []
    subscription_billing.add_items(call, customer, subscription, extras)
    invoice = invoice_totals.draft(
        call,
        customer,
        "subscription_create",
        _first_lines(call, subscription, params),
        subscription=subscription,
    )
    subscription_billing.needs_method(call, invoice, params)
    _place(call, subscription, invoice, params)
    subscription_billing.bill(call, invoice, params)
    subscription = call.fresh(subscription)
    if not subscription.private.get("announced"):
        announce(call, subscription)
    subscription_cycle.catch_up(call, subscription)
    return call.fresh(subscription)


def _compose(call: Call, customer: Record, params: Json) -> Record:
    subscription_id = new_id("sub")
    entries = params.get("items") or []
    items = [
        subscription_parts.new(call, subscription_id, entry, f"items[{index}]", customer.id)
        for index, entry in enumerate(entries)
    ]
    subscription_parts.check(items)
    data = _blank(call, customer, subscription_id, params)
    data.update(
        currency=items[0]["price"]["currency"],
        discounts=discounts.make_discounts(
            call,
            params.get("discounts") or [],
            customer.id,
            "discounts",
            subscription=subscription_id,
        ),
        items=subscription_parts.listed(subscription_id, items),
        default_payment_method=subscription_billing.check_method(
            call, customer.id, params.get("default_payment_method")
        ),
    )
    _set_times(call, data, params)
    set_ending(data, params, call.now)
    return call.objects.add("subscription", data)


def _set_times(call: Call, data: Json, params: Json) -> None:
    trial_end = _trial_end(call, data, params)
    anchor = trial_end or params.get("billing_cycle_anchor") or call.now
    interval, count = subscription_parts.rhythm(data["items"]["data"][0])
    until = trial_end or next_after(anchor, call.now, interval, count)
    if anchor > next_after(call.now, call.now, interval, count) and not trial_end:
        raise invalid(
            "`billing_cycle_anchor` cannot be later than next natural billing date.",
            param="billing_cycle_anchor",
        )
    data["billing_cycle_anchor"] = anchor
    set_period(data, call.now, until)
    if trial_end:
        data.update(status="trialing", trial_start=call.now, trial_end=trial_end)


def _trial_end(call: Call, data: Json, params: Json) -> int | None:
    """Given as a moment, in days, or by the prices when `trial_from_plan` says so."""
    given = params.get("trial_end")
    days = params.get("trial_period_days") or 0
    if given is not None and days:
        message = "You may only specify one of these parameters: trial_end, trial_period_days."
        raise invalid(message, "parameters_exclusive", "trial_end")
    if given is None and not days and params.get("trial_from_plan"):
        recurring = [item["price"]["recurring"] for item in data["items"]["data"]]
        days = max(each["trial_period_days"] or 0 for each in recurring)
    if given == "now" or (given is None and not days):
        return None
    return check_trial_end(call, given if given is not None else call.now + days * DAY)


def check_trial_end(call: Call, moment: Any) -> int:
    if moment <= call.now:
        raise invalid(
            "Invalid timestamp: must be an integer Unix time in the future.", param="trial_end"
        )
    if moment > call.now + TRIAL_LIMIT:
        raise invalid(
            "Invalid timestamp: can be no more than five years in the future.", param="trial_end"
        )
    return int(moment)


def _blank(call: Call, customer: Record, subscription_id: str, params: Json) -> Json:
    empty = (
        "application", "application_fee_percent", "billing_cycle_anchor_config",
        "billing_thresholds", "cancel_at", "canceled_at", "customer_account", "days_until_due",
        "default_source", "ended_at", "latest_invoice", "next_pending_invoice_item_invoice",
        "on_behalf_of", "pause_collection", "pending_invoice_item_interval",
        "managed_payments", "pending_setup_intent", "pending_update", "transfer_data",
        "trial_end", "trial_start",
    )  # fmt: skip
    saving = (params.get("payment_settings") or {}).get("save_default_payment_method")
    mode = params.get("billing_mode") or {"type": "flexible"}
    return {
        "id": subscription_id,
        "object": "subscription",
        **dict.fromkeys(empty),
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_mode": make_billing_mode(mode, call.now),
        "billing_schedules": [],
        "cancel_at_period_end": False,
        "cancellation_details": dict.fromkeys(("comment", "feedback", "feedback_option", "reason")),
        "collection_method": params.get("collection_method") or "charge_automatically",
        "created": call.now,
        "customer": customer.id,
        "days_until_due": params.get("days_until_due"),
        "default_tax_rates": [],
        "description": params.get("description"),
        "discounts": [],
        "invoice_settings": {**INVOICING, **(params.get("invoice_settings") or {})},
        "livemode": call.account.livemode,
        "metadata": merge_metadata({}, params.get("metadata") or {}),
        "payment_settings": {"payment_method_options": None, "payment_method_types": None,
                             "save_default_payment_method": saving or "off"},
        "schedule": params.get("schedule"),  # given by the schedule that begins it
        "start_date": call.now,
        "status": "incomplete",
        "test_clock": customer.data["test_clock"],
        "trial_settings": make_trial_settings(params.get("trial_settings")),
    }  # fmt: skip


def make_billing_mode(given: Json, moment: int) -> Json:
    """Flexible billing shows since when it is in force."""
    if given["type"] == "classic":
        return {"flexible": None, "type": "classic"}
    flexible = {"proration_discounts": "included", **(given.get("flexible") or {})}
    return {"flexible": flexible, "type": "flexible", "updated_at": moment}


def make_trial_settings(given: Json | None) -> Json:
    chosen = (given or {}).get("end_behavior") or {}
    behavior = {"billing_cycle_anchor": None, "missing_payment_method": "create_invoice"}
    return {"end_behavior": {**behavior, **chosen}}


def set_ending(data: Json, params: Json, now: int) -> None:
    """https://docs.stripe.com/billing/subscriptions/cancel"""
    if "cancel_at" in params and "cancel_at_period_end" in params:
        raise invalid(
            "You may only specify one of these parameters: cancel_at, cancel_at_period_end.",
            "parameters_exclusive",
        )
    until = period(data)[1]
    if "cancel_at" in params:
        given = params["cancel_at"]
        moment = until if isinstance(given, str) else given
        if moment is not None and moment <= now:
            raise invalid("`cancel_at` must be a timestamp in the future.", param="cancel_at")
        _end_at(data, moment, now)
        data["cancel_at_period_end"] = False
    elif params.get("cancel_at_period_end") is not None:
        at_end = params["cancel_at_period_end"]
        if at_end or data["cancel_at_period_end"]:
            _end_at(data, until if at_end else None, now)
        data["cancel_at_period_end"] = at_end


def _end_at(data: Json, moment: int | None, now: int) -> None:
    data["cancel_at"] = moment
    if moment is None:
        data["canceled_at"] = None
        data["cancellation_details"]["reason"] = None
    else:
        data["canceled_at"] = data["canceled_at"] or now
        data["cancellation_details"]["reason"] = "cancellation_requested"


def _first_lines(call: Call, subscription: Record, params: Json) -> list[Json]:
    data = subscription.data
    items, (begin, until) = data["items"]["data"], period(data)
    if data["status"] == "trialing":
        return [invoice_lines.of_trial(call, item, begin, until) for item in items]
    interval, count = subscription_parts.rhythm(items[0])
    whole = next_after(begin, begin, interval, count) - begin
    if until - begin == whole:
        return subscription_cycle.lines_for(call, data, (begin, until))
    free = params.get("proration_behavior") == "none"
    return [
        invoice_lines.of_item(
            call,
            item,
            begin,
            until,
            0 if free else share(price_amounts.amount_of_item(call, item), until - begin, whole),
        )
        for item in items
    ]


def _place(call: Call, subscription: Record, invoice: Record, params: Json) -> None:
    """What is known before anything is paid."""
    data = subscription.data
    data["latest_invoice"] = invoice.id
    free = invoice.data["amount_due"] == 0
    if data["status"] == "incomplete" and (free or data["collection_method"] == "send_invoice"):
        data["status"] = "active"
    asked = params.get("payment_behavior") == "default_incomplete"
    if free and asked and method_of(call, data) is None:
        data["pending_setup_intent"] = _setup(call, data)
    call.objects.save(subscription)


def _setup(call: Call, data: Json) -> str:
    """A card for later; https://docs.stripe.com/api/subscriptions/object."""
    body = setup_intents.blank(call)
    body.update(customer=data["customer"], usage="off_session")
    body["client_secret"] = client_secret(body["id"])
    record = call.objects.add("setup_intent", body, {"subscription": data["id"]})
    call.emit("setup_intent.created", body)
    return record.id
