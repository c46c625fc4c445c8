"""What time and its subscription do to a schedule: phases begin, the last one ends.

https://docs.stripe.com/billing/subscriptions/subscription-schedules
"""

from ..call import Call
from ..errors import ApiError
from ..messages import Json
from ..objects import Record
from ..registry import after, job
from . import subscription_changes, subscription_start
from .schedule_phases import find_phase, get_items_of
from .subscription_states import ENDED, announce, period

KIND = "subscription_schedule"


def begin_schedule(call: Call, schedule: Record) -> None:
    """Create the subscription of the first phase."""
    data, phase = schedule.data, schedule.data["phases"][0]
    call = call.in_time_of(data)
    params: Json = {
        "billing_mode": {name: data["billing_mode"][name] for name in ("flexible", "type")},
        "collection_method": data["default_settings"]["collection_method"],
        "customer": data["customer"],
        "default_payment_method": _method_of(data, phase),
        "items": [_entry_of(item) for item in phase["items"]],
        "metadata": phase["metadata"],
        "schedule": schedule.id,
    }
    if phase["trial_end"]:
        params["trial_end"] = phase["trial_end"]
    subscription = subscription_start.start(call, params)
    data.update(status="active", subscription=subscription.id)
    enter_phase(call, schedule, subscription, phase)
    call.update(schedule, "subscription_schedule.updated")


def _method_of(schedule: Json, phase: Json) -> str | None:
    own: str | None = phase["default_payment_method"]
    common: str | None = schedule["default_settings"]["default_payment_method"]
    return own or common


def _entry_of(item: Json) -> Json:
    return {name: item[name] for name in ("metadata", "price", "quantity") if name in item}


@job("subscription_schedule.begin")
def begin_schedule_later(call: Call, schedule_id: str) -> None:
    schedule = call.reference(KIND, schedule_id, "schedule")
    data = schedule.data
    if data["status"] != "not_started" or data["phases"][0]["start_date"] > call.now:
        return
    try:
        begin_schedule(call, schedule)
    except ApiError:  # nobody is there to be told that, say, the price is gone
        schedule = call.fresh(schedule)
        schedule.data.update(status="canceled", canceled_at=call.now)
        call.update(schedule, "subscription_schedule.aborted")


def enter_phase(call: Call, schedule: Record, subscription: Record, phase: Json) -> None:
    """Note where both stand; the subscription's own agenda calls again when the phase ends."""
    schedule.data["current_phase"] = {name: phase[name] for name in ("end_date", "start_date")}
    call.objects.save(schedule)
    subscription = call.fresh(subscription)
    subscription.data["schedule"] = schedule.id
    subscription.private["phase_end"] = phase["end_date"]
    set_cancel_date(call, schedule, subscription)
    announce(call, subscription)


def set_cancel_date(call: Call, schedule: Record, subscription: Record) -> None:
    """A schedule that cancels shows when: https://docs.stripe.com/api/subscription_schedules"""
    last = schedule.data["phases"][-1]["end_date"]
    cancels = schedule.data["end_behavior"] == "cancel"
    if cancels and subscription.data["cancel_at"] != last:
        subscription_start.set_ending(subscription.data, {"cancel_at": last}, call.now)
    elif not cancels and subscription.data["cancel_at"] is not None:
        subscription_start.set_ending(subscription.data, {"cancel_at": None}, call.now)


@after("subscription.phase_ended")
def leave_phase(call: Call, subscription: Record) -> None:
    """Go on with the next phase, or let the subscription go."""
    subscription.private.pop("phase_end")
    call.objects.save(subscription)
    schedule = call.reference(KIND, subscription.data["schedule"], "schedule")
    phase = find_phase(schedule.data, call.now)
    if phase is None:
        _finish(call, schedule)
        return
    apply_phase(call, subscription, phase, phase["proration_behavior"])
    enter_phase(call, schedule, subscription, phase)
    call.update(schedule, "subscription_schedule.updated")


def apply_phase(call: Call, subscription: Record, phase: Json, behavior: str) -> None:
    """What a phase begins with is billed with the period that begins with it."""
    at_end = call.now >= period(subscription.data)[1]
    params: Json = {
        "items": _changes(subscription, phase),
        "metadata": phase["metadata"],
        "proration_behavior": "none" if at_end else behavior,
    }
    if phase["default_payment_method"]:
        params["default_payment_method"] = phase["default_payment_method"]
    if phase["trial_end"] and phase["trial_end"] > call.now:
        params["trial_end"] = phase["trial_end"]
    subscription_changes.change(call, subscription, params)


def _changes(subscription: Record, phase: Json) -> list[Json]:
    """Items keep their id as long as their price stays, or another one takes its place."""
    present = list(subscription.data["items"]["data"])
    entries, coming = [], []
    for item in phase["items"]:
        same = next((each for each in present if each["price"]["id"] == item["price"]), None)
        if same is None:
            coming.append(item)
            continue
        present.remove(same)
        entries.append({"id": same["id"], **_entry_of(item)})
    for item in coming:
        taken = {"id": present.pop(0)["id"]} if present else {}
        entries.append({**taken, **_entry_of(item)})
    return entries + [{"id": each["id"], "deleted": True} for each in present]


def _finish(call: Call, schedule: Record) -> None:
    data = schedule.data
    data["current_phase"] = None
    if data["end_behavior"] == "cancel":
        data.update(status="completed", completed_at=call.now)
        call.update(schedule, "subscription_schedule.completed")
    else:
        release_schedule(call, schedule, keep_cancel_date=False)


def release_schedule(call: Call, schedule: Record, *, keep_cancel_date: bool) -> None:
    """The subscription goes on as it is, by itself."""
    data = schedule.data
    subscription = call.objects.find("subscription", data["subscription"] or "")
    data.update(
        status="released",
        current_phase=None,
        released_at=call.now,
        released_subscription=data["subscription"],
        subscription=None,
    )
    call.update(schedule, "subscription_schedule.released")
    if subscription is None:
        return
    subscription.data["schedule"] = None
    subscription.private.pop("phase_end", None)
    if not keep_cancel_date and data["end_behavior"] == "cancel":
        subscription_start.set_ending(subscription.data, {"cancel_at": None}, call.now)
    announce(call, subscription)


@after("subscription.ended")
def cancel_with_subscription(call: Call, subscription: Record) -> None:
    schedule_id = subscription.data["schedule"]
    schedule = call.objects.find(KIND, schedule_id) if schedule_id else None
    if schedule is not None and schedule.data["status"] == "active":
        schedule.data.update(status="canceled", canceled_at=call.now, current_phase=None)
        call.update(schedule, "subscription_schedule.canceled")


@after("subscription.changed")
def follow_subscription(call: Call, subscription: Record) -> None:
    """A direct change of the items is one of the phase that is under way."""
    schedule_id = subscription.data["schedule"]
    schedule = call.objects.find(KIND, schedule_id) if schedule_id else None
    if schedule is None or subscription.data["status"] in ENDED:
        return
    phase, current = find_phase(schedule.data, call.now), schedule.data["current_phase"] or {}
    if phase is not None and phase["start_date"] == current.get("start_date"):
        phase["items"] = get_items_of(subscription)
        call.update(schedule, "subscription_schedule.updated")
