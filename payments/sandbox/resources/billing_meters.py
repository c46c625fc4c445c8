"""Meters count what customers use; https://docs.stripe.com/api/billing/meter."""

import re
from typing import Any

from ..call import Call
from ..errors import invalid
from ..ids import new_id
from ..listing import list_objects
from ..messages import Json
from ..objects import Record
from ..params import PAGING, Schema, anything, choice, entry, fields, moment, text, word
from ..registry import route

KIND, EVENT = "billing.meter", "billing.meter_event"
NEW: Schema = {
    "customer_mapping": fields(event_payload_key=word(100), type=choice("by_id")),
    "default_aggregation": entry(["formula"], formula=choice("count", "last", "sum")),
    "display_name": word(250),
    "event_name": word(100),
    "event_time_window": choice("day", "hour"),
    "value_settings": fields(event_payload_key=word(100)),
}


@route("POST", "/v1/billing/meters", NEW, ["default_aggregation", "display_name", "event_name"])
def create_meter(call: Call) -> Json:
    params = call.params
    if call.objects.all(KIND, event_name=params["event_name"], status="active"):
        message = f"There is already an active meter for event name {params['event_name']}."
        raise invalid(message, "meter_already_exists", "event_name")
    mapping = params.get("customer_mapping") or {}
    body = {
        "id": new_id("mtr"),
        "object": KIND,
        "created": call.now,
        "customer_mapping": {
            "event_payload_key": mapping.get("event_payload_key") or "stripe_customer_id",
            "type": "by_id",
        },
        "default_aggregation": params["default_aggregation"],
        "display_name": params["display_name"],
        "event_name": params["event_name"],
        "event_time_window": params.get("event_time_window"),
        "livemode": call.account.livemode,
        "status": "active",
        "status_transitions": {"deactivated_at": None},
        "updated": call.now,
        "value_settings": params.get("value_settings") or {"event_payload_key": "value"},
    }
    record = call.objects.add(KIND, body)
    call.emit("billing.meter.created", record.data)
    return record.data


@route("GET", "/v1/billing/meters/{id}")
def retrieve_meter(call: Call) -> Json:
    return call.subject(KIND).data


@route("GET", "/v1/billing/meters", {**PAGING, "status": choice("active", "inactive")})
def list_meters(call: Call) -> Json:
    return list_objects(call, KIND, status=call.params.get("status"))


@route("POST", "/v1/billing/meters/{id}", {"display_name": word(250)})
def update_meter(call: Call) -> Json:
    record = call.subject(KIND)
    record.data.update({name: value for name, value in call.params.items() if name != "expand"})
    return _store(call, record, "billing.meter.updated")


@route("POST", "/v1/billing/meters/{id}/deactivate")
def deactivate_meter(call: Call) -> Json:
    record = call.subject(KIND)
    record.data["status"] = "inactive"
    record.data["status_transitions"]["deactivated_at"] = call.now
    return _store(call, record, "billing.meter.deactivated")


@route("POST", "/v1/billing/meters/{id}/reactivate")
def reactivate_meter(call: Call) -> Json:
    record = call.subject(KIND)
    record.data["status"] = "active"
    record.data["status_transitions"]["deactivated_at"] = None
    return _store(call, record, "billing.meter.reactivated")


def _store(call: Call, record: Record, event: str) -> Json:
    if record.previous_attributes():
        record.data["updated"] = call.now
    return call.update(record, event).data


USAGE: Schema = {
    "event_name": word(100),
    "identifier": text(100),
    "payload": anything,
    "timestamp": moment,
}


@route("POST", "/v1/billing/meter_events", USAGE, ["event_name", "payload"])
def create_meter_event(call: Call) -> Json:
    """https://docs.stripe.com/api/billing/meter-event/create"""
    params = call.params
    meters = call.objects.all(KIND, event_name=params["event_name"], status="active")
    if not meters:
        message = f"No active meter found for event name {params['event_name']}."
        raise invalid(message, "no_meter", "event_name")
    _check_payload(call, meters[0].data, params["payload"])
    identifier = params.get("identifier") or new_id("mtrevt")
    body = {
        "id": f"{meters[0].id}/{identifier}",
        "object": EVENT,
        "created": call.now,
        "event_name": params["event_name"],
        "identifier": identifier,
        "livemode": call.account.livemode,
        "payload": params["payload"],
        "timestamp": params.get("timestamp") or call.now,
    }
    if call.objects.find_any(body["id"]):
        message = f"An event already exists with identifier {identifier}."
        raise invalid(message, "resource_already_exists", "identifier")
    call.objects.add(EVENT, body)
    return {name: value for name, value in body.items() if name != "id"}


def _check_payload(call: Call, meter: Json, payload: Any) -> None:
    customer_key = meter["customer_mapping"]["event_payload_key"]
    value_key = meter["value_settings"]["event_payload_key"]
    if not isinstance(payload, dict) or not isinstance(payload.get(customer_key), str):
        raise invalid(f"Missing required payload key: {customer_key}.", param="payload")
    call.reference("customer", payload[customer_key], f"payload[{customer_key}]")
    counted = meter["default_aggregation"]["formula"] == "count"
    if not counted and not re.fullmatch(r"-?[0-9]{1,15}", str(payload.get(value_key))):
        raise invalid(f"The payload value of {value_key} must be an integer.", param="payload")


def get_usage(call: Call, meter_id: str | None, customer_id: str, start: int, end: int) -> int:
    """Return what a customer has used within a period, as the meter adds it up."""
    meter = call.objects.find(KIND, meter_id) if meter_id else None
    if meter is None:
        return 0
    customer_key = meter.data["customer_mapping"]["event_payload_key"]
    value_key = meter.data["value_settings"]["event_payload_key"]
    events = [
        event.data
        for event in call.objects.all(EVENT, event_name=meter.data["event_name"])
        if event.data["payload"][customer_key] == customer_id
        and start <= event.data["timestamp"] < end
    ]
    formula = meter.data["default_aggregation"]["formula"]
    if formula == "count":
        return len(events)
    values = [int(event["payload"][value_key]) for event in events]
    return max(sum(values[-1:] if formula == "last" else values), 0)
