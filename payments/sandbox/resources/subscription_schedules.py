"""Subscription schedules; https://docs.stripe.com/api/subscription_schedules."""

from ..call import Call
from ..errors import invalid
from ..ids import new_id
from ..listing import ABSENT, list_objects
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
    put_metadata,
    text,
    time_range,
)
from ..registry import route
from . import schedule_phases, schedule_steps, subscriptions
from .schedule_steps import KIND
from .subscription_input import BILLING_MODE, PRORATION, moment_or
from .subscription_start import make_billing_mode
from .subscription_states import ENDED

SETTINGS = fields(
    automatic_tax=anything,
    billing_cycle_anchor=choice("automatic", "phase_start"),
    collection_method=choice("charge_automatically", "send_invoice"),
    default_payment_method=text(),
    description=text(500),
    invoice_settings=anything,
)
COMMON: Schema = {
    "default_settings": SETTINGS,
    "end_behavior": choice("cancel", "release"),
    "metadata": metadata,
}
NEW: Schema = {
    **COMMON,
    "billing_mode": BILLING_MODE,
    "customer": text(),
    "from_subscription": text(),
    "phases": schedule_phases.NEW_PHASES,
    "start_date": moment_or("now"),
}


@route("POST", "/v1/subscription_schedules", NEW)
def create_schedule(call: Call) -> Json:
    if call.params.get("from_subscription"):
        return _take_over(call).data
    customer_id = call.params.get("customer")
    if not customer_id:
        raise invalid("Missing required param: customer.", "parameter_missing", "customer")
    if not call.params.get("phases"):
        raise invalid("Missing required param: phases.", "parameter_missing", "phases")
    call = call.in_time_of(call.reference("customer", customer_id, "customer").data)
    given = call.params.get("start_date")
    start: int = max(given, call.now) if isinstance(given, int) else call.now
    schedule = call.objects.add(KIND, _body(call, customer_id))
    schedule.data["phases"] = schedule_phases.build_phases(call, call.params["phases"], start)
    _edit(call, schedule)
    call.objects.save(schedule)
    call.emit("subscription_schedule.created", schedule.data)
    if start <= call.now:
        schedule_steps.begin_schedule(call, schedule)
    else:
        call.when(start, "subscription_schedule.begin", schedule.id)
    return call.fresh(schedule).data


def _take_over(call: Call) -> Record:
    """From now on the schedule manages a subscription that exists already."""
    for name in ("customer", "default_settings", "end_behavior", "phases", "start_date"):
        if name in call.params:
            message = f"You cannot set `{name}` if `from_subscription` is set."
            raise invalid(message, param=name)
    given = call.params["from_subscription"]
    subscription = call.reference("subscription", given, "from_subscription")
    call = call.in_time_of(subscription.data)
    _check_free(subscription)
    phase = schedule_phases.get_phase_of(subscription)
    schedule = call.objects.add(KIND, _body(call, subscription.data["customer"]))
    ends = subscription.data["cancel_at"] is not None
    schedule.data.update(
        billing_mode=subscription.data["billing_mode"],
        end_behavior="cancel" if ends else "release",
        phases=[phase],
        status="active",
        subscription=subscription.id,
    )
    _edit(call, schedule)
    schedule.data["current_phase"] = {name: phase[name] for name in ("end_date", "start_date")}
    call.objects.save(schedule)
    call.emit("subscription_schedule.created", schedule.data)
    schedule_steps.enter_phase(call, schedule, subscription, phase)
    return schedule


def _check_free(subscription: Record) -> None:
    data = subscription.data
    if data["schedule"]:
        raise invalid(
            "You cannot migrate a subscription that is already attached to a schedule:"
            f" `{data['schedule']}`.",
            param="from_subscription",
        )
    if data["status"] in (*ENDED, "incomplete"):
        message = f"You cannot migrate a subscription in the `{data['status']}` status."
        raise invalid(message, param="from_subscription")


def _body(call: Call, customer_id: str) -> Json:
    customer = call.reference("customer", customer_id, "customer")
    empty = (
        "application", "canceled_at", "completed_at", "current_phase", "customer_account",
        "released_at", "released_subscription", "subscription",
    )  # fmt: skip
    mode = call.params.get("billing_mode") or {"type": "flexible"}
    return {
        "id": new_id("sub_sched"),
        "object": KIND,
        **dict.fromkeys(empty),
        "billing_mode": make_billing_mode(mode, call.now),
        "created": call.now,
        "customer": customer.id,
        "default_settings": _settings(),
        "end_behavior": "release",
        "livemode": call.account.livemode,
        "metadata": {},
        "pause_schedules": [],
        "phases": [],
        "status": "not_started",
        "test_clock": customer.data["test_clock"],
    }


def _settings() -> Json:
    empty = (
        "application_fee_percent", "billing_thresholds", "default_payment_method", "description",
        "on_behalf_of", "transfer_data",
    )  # fmt: skip
    invoicing = ("account_tax_ids", "custom_fields", "days_until_due", "description", "footer")
    return {
        **dict.fromkeys(empty),
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor": "automatic",
        "collection_method": "charge_automatically",
        "invoice_settings": {**dict.fromkeys(invoicing), "issuer": {"type": "self"}},
    }


def _edit(call: Call, schedule: Record) -> None:
    params, data = call.params, schedule.data
    data["end_behavior"] = params.get("end_behavior") or data["end_behavior"]
    put_metadata(data, params)
    plain = ("billing_cycle_anchor", "collection_method", "default_payment_method", "description")
    given = params.get("default_settings") or {}
    data["default_settings"].update({name: given[name] for name in plain if name in given})


@route("GET", "/v1/subscription_schedules/{id}")
def retrieve_schedule(call: Call) -> Json:
    return call.subject(KIND).data


CHANGES: Schema = {
    **COMMON,
    "phases": schedule_phases.CHANGED_PHASES,
    "proration_behavior": PRORATION,
}


@route("POST", "/v1/subscription_schedules/{id}", CHANGES)
def update_schedule(call: Call) -> Json:
    schedule = _open(call, "update")
    call = call.in_time_of(schedule.data)
    _edit(call, schedule)
    if call.params.get("phases"):
        _replace_phases(call, schedule)
    call.update(schedule, "subscription_schedule.updated")
    subscription = call.objects.find("subscription", schedule.data["subscription"] or "")
    phase = schedule_phases.find_phase(schedule.data, call.now)
    if subscription is not None and phase is not None:
        if not _has_items_of(subscription, phase):
            behavior = call.params.get("proration_behavior") or "create_prorations"
            schedule_steps.apply_phase(call, subscription, phase, behavior)
        schedule_steps.enter_phase(call, call.fresh(schedule), subscription, phase)
    return call.fresh(schedule).data


def _replace_phases(call: Call, schedule: Record) -> None:
    data, given = schedule.data, call.params["phases"]
    current = data["current_phase"]
    if current is None:
        start = data["phases"][0]["start_date"] if data["phases"] else None
        data["phases"] = schedule_phases.build_phases(call, given, start)
        call.when(data["phases"][0]["start_date"], "subscription_schedule.begin", schedule.id)
        return
    made = schedule_phases.build_phases(call, given, None)
    starts = [phase["start_date"] for phase in made]
    if current["start_date"] not in starts and call.now not in starts:
        raise invalid("You can not modify the start date of the current phase.", param="phases")
    if made[-1]["end_date"] <= call.now:
        raise invalid("The last phase must end in the future.", param="phases")
    data["phases"] = made


def _has_items_of(subscription: Record, phase: Json) -> bool:
    def facts(item: Json) -> tuple[str, int | None]:
        return item["price"], item.get("quantity")

    mine = schedule_phases.get_items_of(subscription)
    return sorted(map(facts, mine), key=str) == sorted(map(facts, phase["items"]), key=str)


def _open(call: Call, verb: str) -> Record:
    schedule = call.subject(KIND)
    status = schedule.data["status"]
    if status not in ("active", "not_started"):
        raise invalid(
            f"You cannot {verb} a subscription schedule that is currently in the `{status}` status."
            " The schedule's status must be one of: `not_started`, `active`."
        )
    return schedule


@route(
    "POST",
    "/v1/subscription_schedules/{id}/cancel",
    {"invoice_now": boolean, "prorate": boolean},
)
def cancel_schedule(call: Call) -> Json:
    """Its subscription ends with it."""
    schedule = _open(call, "cancel")
    call = call.in_time_of(schedule.data)
    subscription = call.objects.find("subscription", schedule.data["subscription"] or "")
    schedule.data.update(status="canceled", canceled_at=call.now, current_phase=None)
    call.update(schedule, "subscription_schedule.canceled")
    if subscription is not None and subscription.data["status"] not in ENDED:
        ending = {"invoice_now": True, "prorate": True, **call.params}
        subscriptions.cancel_now(call, subscription, ending)
    return call.fresh(schedule).data


@route("POST", "/v1/subscription_schedules/{id}/release", {"preserve_cancel_date": boolean})
def release_by_request(call: Call) -> Json:
    schedule = _open(call, "release")
    call = call.in_time_of(schedule.data)
    keep = bool(call.params.get("preserve_cancel_date"))
    schedule_steps.release_schedule(call, schedule, keep_cancel_date=keep)
    return call.fresh(schedule).data


LISTED: Schema = {
    **PAGING,
    "canceled_at": time_range,
    "completed_at": time_range,
    "created": time_range,
    "customer": text(),
    "released_at": time_range,
    "scheduled": boolean,
}


@route("GET", "/v1/subscription_schedules", LISTED)
def list_schedules(call: Call) -> Json:
    call.check_known("customer", "customer")
    filters: Json = {"customer": call.params.get("customer")}
    if call.params.get("scheduled"):
        filters["status"] = "not_started"
    if not call.params.get("customer"):
        filters["test_clock"] = ABSENT
    return list_objects(call, KIND, **filters)
