"""Changing a subscription; https://docs.stripe.com/billing/subscriptions/change."""

import copy
from dataclasses import dataclass

from ..calendar import last_before, next_after
from ..call import Call
from ..errors import invalid
from ..messages import Json
from ..objects import Record
from ..params import put_metadata
from . import (
    discounts,
    invoice_lines,
    invoice_totals,
    prorations,
    subscription_billing,
    subscription_cycle,
    subscription_parts,
)
from .subscription_start import check_trial_end, make_trial_settings, set_ending
from .subscription_states import ENDED, announce, period, set_period

PLAIN = ("collection_method", "days_until_due", "description", "pause_collection")


@dataclass
class Change:
    """What has changed and whether that is billed at once."""

    call: Call
    customer: Record
    subscription: Record
    params: Json
    before: Json
    resets: bool = False  # the billing cycle starts anew

    @property
    def old_items(self) -> list[Json]:
        items: list[Json] = self.before["items"]["data"]
        return items

    @property
    def items(self) -> list[Json]:
        items: list[Json] = self.subscription.data["items"]["data"]
        return items

    @property
    def changes_rhythm(self) -> bool:
        old, new = self.old_items[0], self.items[0]
        return subscription_parts.rhythm(old) != subscription_parts.rhythm(new)

    @property
    def behavior(self) -> str:
        return self.params.get("proration_behavior") or "create_prorations"


def change(call: Call, subscription: Record, params: Json) -> None:
    """Apply it, tell about it, and charge what is due at once."""
    applied = apply(call, subscription, params)
    invoice = draft(applied) if bills_at_once(applied) else None
    if invoice is not None:
        subscription.data["latest_invoice"] = invoice.id
    announce(applied.call, subscription)
    if invoice is not None:
        subscription_billing.bill_change(applied.call, subscription, invoice, params)
    subscription_cycle.catch_up(applied.call, call.fresh(subscription))


def apply(call: Call, subscription: Record, params: Json) -> Change:
    """Everything but the billing; also what a preview is made from."""
    check_alive(subscription, params)
    check_unmanaged(subscription, params)
    data = subscription.data
    customer = call.reference("customer", data["customer"], "customer")
    call = call.in_time_of(customer.data)
    applied = Change(call, customer, subscription, params, copy.deepcopy(data))
    _plain_fields(call, data, params)
    _items(call, data, params)
    applied.resets = _times(applied)
    set_ending(data, params, call.now)
    _follow_end(data)
    _prorate(applied)
    extras = params.get("add_invoice_items") or []
    subscription_billing.add_items(call, customer, subscription, extras)
    return applied


def check_alive(subscription: Record, params: Json) -> None:
    harmless = {"metadata", "cancellation_details", "expand"}
    if subscription.data["status"] in ENDED and set(params) - harmless:
        raise invalid(
            "A canceled subscription can only update its cancellation_details and metadata."
        )


def check_unmanaged(subscription: Record, params: Json) -> None:
    """https://docs.stripe.com/billing/subscriptions/subscription-schedules"""
    schedule = subscription.data["schedule"]
    if schedule and {"cancel_at", "cancel_at_period_end"} & set(params):
        raise invalid(
            f"The subscription is managed by the subscription schedule `{schedule}`, and updating"
            " any cancelation behavior directly is not allowed. Please update the schedule"
            " instead."
        )


def _plain_fields(call: Call, data: Json, params: Json) -> None:
    data.update({name: params[name] for name in PLAIN if name in params})
    if "trial_settings" in params:
        data["trial_settings"] = make_trial_settings(params["trial_settings"])
    data["invoice_settings"].update(params.get("invoice_settings") or {})
    if data["pause_collection"]:
        data["pause_collection"].setdefault("resumes_at", None)
    put_metadata(data, params)
    if "default_payment_method" in params:
        given = params["default_payment_method"]
        method = subscription_billing.check_method(call, data["customer"], given)
        data["default_payment_method"] = method
    if "discounts" in params:
        data["discounts"] = discounts.make_discounts(
            call, params["discounts"], data["customer"], "discounts", subscription=data["id"]
        )
    data["cancellation_details"].update(params.get("cancellation_details") or {})
    data["payment_settings"].update(params.get("payment_settings") or {})


def _items(call: Call, data: Json, params: Json) -> None:
    items = list(data["items"]["data"])
    for index, entry in enumerate(params.get("items") or []):
        param = f"items[{index}]"
        if not entry.get("id"):
            items.append(_added(call, data, entry, param))
            continue
        present = next((item for item in items if item["id"] == entry["id"]), None)
        if present is None:
            message = f"Invalid subscription item: '{entry['id']}' is not part of it."
            raise invalid(message, "resource_missing", f"{param}[id]")
        if entry.get("deleted"):
            items.remove(present)
        else:
            _edit(call, present, entry, param)
    subscription_parts.check(items)
    data["items"] = subscription_parts.listed(data["id"], items)


def _added(call: Call, data: Json, entry: Json, param: str) -> Json:
    item = subscription_parts.new(call, data["id"], entry, param, data["customer"])
    start, until = period(data)
    item.update(current_period_start=start, current_period_end=until)
    return item


def _edit(call: Call, item: Json, entry: Json, param: str) -> None:
    named = entry.get("price") or entry.get("plan")
    if named or entry.get("price_data"):
        same = named == item["price"]["id"]
        price = item["price"] if same else subscription_parts.recurring(call, entry, param)
        item.update(price=price, plan=subscription_parts.plan_of(price))
    subscription_parts.set_quantity(item, entry, param)
    if "discounts" in entry:
        owner = {"subscription": item["subscription"], "subscription_item": item["id"]}
        item["discounts"] = discounts.make_discounts(
            call, entry["discounts"], None, f"{param}[discounts]", **owner
        )
    put_metadata(item, entry)


def _times(applied: Change) -> bool:
    """Another rhythm, an end of the trial or a wish for it start the cycle anew."""
    data, params, call = applied.subscription.data, applied.params, applied.call
    trial_end = params.get("trial_end")
    if trial_end is not None and trial_end != "now":
        moment = check_trial_end(call, trial_end)
        data.update(status="trialing", trial_end=moment, billing_cycle_anchor=moment)
        data["trial_start"] = data["trial_start"] or call.now
        set_period(data, call.now, moment)
        return bool(applied.before["status"] != "trialing")
    trialing: bool = data["status"] == "trialing"
    if trialing and trial_end == "now":
        data.update(status="active", trial_end=call.now)
    elif trialing or not _wants_reset(applied):
        _follow_rhythm(applied)
        return False
    interval, count = subscription_parts.rhythm(applied.items[0])
    data["billing_cycle_anchor"] = call.now
    set_period(data, call.now, next_after(call.now, call.now, interval, count))
    return True


def _follow_rhythm(applied: Change) -> None:
    """Flexible billing keeps the date of the cycle and bills what is left of the new period."""
    data, now = applied.subscription.data, applied.call.now
    if not applied.changes_rhythm or data["status"] == "trialing":
        return
    anchor = data["billing_cycle_anchor"]
    interval, count = subscription_parts.rhythm(applied.items[0])
    start = last_before(anchor, now, interval, count)
    set_period(data, start, next_after(anchor, now, interval, count))


def _wants_reset(applied: Change) -> bool:
    old, new = applied.old_items, applied.items
    if applied.params.get("billing_cycle_anchor") == "now":
        return True
    if applied.changes_rhythm:
        return bool(applied.subscription.data["billing_mode"]["type"] == "classic")
    if any("quantity" not in item for item in old):
        return False  # what is used is no free period
    free = subscription_parts.price_of_all(applied.call, old) == 0
    return free and subscription_parts.price_of_all(applied.call, new) > 0


def _follow_end(data: Json) -> None:
    """A promise to end with the period moves with the period."""
    if data["cancel_at_period_end"]:
        data["cancel_at"] = period(data)[1]


def _prorate(applied: Change) -> None:
    if applied.before["status"] == "trialing" or applied.behavior == "none":
        return
    call, customer, at = applied.call, applied.customer, _proration_date(applied)
    if applied.resets:
        prorations.credit(call, customer, applied.old_items, at)
        return
    now = {item["id"]: item for item in applied.items}
    before = {item["id"]: item for item in applied.old_items}
    gone = [
        item
        for item in applied.old_items
        if item["id"] not in now or prorations.differs(item, now[item["id"]])
    ]
    come = [
        item
        for item in applied.items
        if item["id"] not in before or prorations.differs(before[item["id"]], item)
    ]
    prorations.credit(call, customer, gone, at)
    prorations.debit(call, customer, come, at)


def _proration_date(applied: Change) -> int:
    at: int = applied.params.get("proration_date") or applied.call.now
    start, until = period(applied.before)
    if not start <= at <= until:
        raise invalid(
            "Cannot specify proration_date outside of current subscription period.",
            param="proration_date",
        )
    return at


def bills_at_once(applied: Change) -> bool:
    if applied.resets:
        return True
    waiting = invoice_totals.pending_items(applied.call, applied.customer.id, applied.subscription)
    extras = bool(applied.params.get("add_invoice_items"))
    asked = applied.behavior == "always_invoice" or extras or applied.changes_rhythm
    return asked and bool(waiting)


def lines(applied: Change) -> list[Json]:
    """The new period, when one begins with the change."""
    if not applied.resets:
        return []
    data = applied.subscription.data
    start, until = period(data)
    if data["status"] == "trialing":
        return [invoice_lines.of_trial(applied.call, item, start, until) for item in applied.items]
    used_in = (period(applied.before)[0], start)
    return subscription_cycle.lines_for(applied.call, data, (start, until), used_in)


def draft(applied: Change) -> Record:
    return invoice_totals.draft(
        applied.call,
        applied.customer,
        "subscription_update",
        lines(applied),
        subscription=applied.subscription,
    )
