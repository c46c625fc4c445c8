"""Phases of a subscription schedule; https://docs.stripe.com/billing/subscriptions/subscription-schedules."""

from typing import Any

from ..calendar import next_after
from ..call import Call
from ..errors import invalid
from ..messages import Json
from ..objects import Record
from ..params import (
    Check,
    Schema,
    anything,
    array,
    boolean,
    choice,
    entry,
    fields,
    integer,
    merge_metadata,
    metadata,
    moment,
    text,
    word,
)
from . import subscription_parts
from .subscription_input import ITEM, PRORATION, moment_or
from .subscription_states import period

DURATION = fields(
    ["interval"], interval=choice("day", "month", "week", "year"), interval_count=integer(1)
)
ABOUT: Schema = {
    "add_invoice_items": anything,
    "billing_cycle_anchor": choice("automatic", "phase_start"),
    "collection_method": choice("charge_automatically", "send_invoice"),
    "currency": word(),
    "default_payment_method": text(),
    "description": text(500),
    "discounts": anything,
    "duration": DURATION,
    "invoice_settings": anything,
    "items": array(entry((), **ITEM), 20),
    "metadata": metadata,
    "proration_behavior": PRORATION,
    "trial": boolean,
    "trial_end": moment,
}


def make_phases_check(**dates: Check) -> Check:
    return array(entry(["items"], **ABOUT, **dates), 10)


NEW_PHASES = make_phases_check(end_date=moment)
CHANGED_PHASES = make_phases_check(end_date=moment_or("now"), start_date=moment_or("now"))


def build_phases(call: Call, entries: list[Json], start: int | None) -> list[Json]:
    """Return phases that follow each other without a gap, from `start` or their own first date."""
    built: list[Json] = []
    for index, given in enumerate(entries):
        param = f"phases[{index}]"
        begin = _moment_of(call, given.get("start_date"))
        begin = begin or (built[-1]["end_date"] if built else start)
        if begin is None:
            raise invalid(
                "The subscription schedule update is missing at least one phase with a"
                " `start_date` to anchor end dates to.",
                param="phases",
            )
        if built and begin != built[-1]["end_date"]:
            message = "The start date of a phase must equal the end date of the phase before it."
            raise invalid(message, param=f"{param}[start_date]")
        built.append(_phase(call, given, begin, param))
    return built


def _moment_of(call: Call, value: Any) -> int | None:
    return call.now if value == "now" else value


def _phase(call: Call, given: Json, start: int, param: str) -> Json:
    items = [
        _item(call, each, f"{param}[items][{index}]") for index, each in enumerate(given["items"])
    ]
    if not items:
        raise invalid("A phase must have at least one item.", param=f"{param}[items]")
    priced = [call.reference("price", item["price"], "price").data for item in items]
    end = _end_of(call, given, start, priced[0], param)
    plain = ("billing_cycle_anchor", "collection_method", "default_payment_method", "description")
    return {
        **_blank(priced[0]["currency"], items, start, end),
        **{name: given.get(name) for name in plain},
        "metadata": merge_metadata({}, given.get("metadata") or {}),
        "proration_behavior": given.get("proration_behavior") or "create_prorations",
        "trial_end": end if given.get("trial") else given.get("trial_end"),
    }


def _blank(currency: str, items: list[Json], start: int, end: int) -> Json:
    empty = (
        "application_fee_percent", "billing_cycle_anchor", "billing_thresholds",
        "collection_method", "default_payment_method", "description", "invoice_settings",
        "on_behalf_of", "transfer_data", "trial_end",
    )  # fmt: skip
    return {
        **dict.fromkeys(empty),
        "add_invoice_items": [],
        "currency": currency,
        "default_tax_rates": [],
        "discounts": [],
        "end_date": end,
        "items": items,
        "metadata": {},
        "proration_behavior": "create_prorations",
        "start_date": start,
    }


def _item(call: Call, given: Json, param: str) -> Json:
    """Check it as if it were subscribed to now; of its price a phase keeps the id."""
    return _item_of(subscription_parts.new(call, "", given, param))


def _item_of(subscribed: Json) -> Json:
    kept = {"quantity": subscribed["quantity"]} if "quantity" in subscribed else {}
    return {
        "billing_thresholds": None,
        "discounts": [],
        "metadata": subscribed["metadata"],
        "plan": subscribed["price"]["id"],
        "price": subscribed["price"]["id"],
        **kept,
        "tax_rates": [],
    }


def _end_of(call: Call, given: Json, start: int, price: Json, param: str) -> int:
    if given.get("duration") and given.get("end_date"):
        message = "You may only specify one of these parameters: duration, end_date."
        raise invalid(message, "parameters_exclusive", f"{param}[duration]")
    end = _moment_of(call, given.get("end_date"))
    if end is None:
        lasting = given.get("duration") or price["recurring"]
        interval, count = lasting["interval"], lasting.get("interval_count", 1)
        end = next_after(start, start, interval, count)
    if end <= start:
        message = "The end date of a phase must be after its start date."
        raise invalid(message, param=f"{param}[end_date]")
    return end


def get_phase_of(subscription: Record) -> Json:
    """Return the phase that a subscription is in by itself: until it renews or ends."""
    data, (start, until) = subscription.data, period(subscription.data)
    items = get_items_of(subscription)
    phase = _blank(data["currency"], items, start, data["cancel_at"] or until)
    return {**phase, "metadata": dict(data["metadata"]), "trial_end": data["trial_end"]}


def get_items_of(subscription: Record) -> list[Json]:
    return [_item_of(item) for item in subscription.data["items"]["data"]]


def find_phase(schedule: Json, moment: int) -> Json | None:
    found = [
        phase for phase in schedule["phases"] if phase["start_date"] <= moment < phase["end_date"]
    ]
    return found[0] if found else None
