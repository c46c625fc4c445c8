"""Disputes as objects; https://docs.stripe.com/api/disputes."""

from typing import Any

from ..call import Call
from ..errors import invalid
from ..listing import list_objects
from ..messages import Json
from ..objects import Record
from ..params import PAGING, Schema, boolean, metadata, option, put_metadata, text, time_range
from ..registry import route
from . import dispute_steps
from .dispute_steps import EVIDENCE

NEEDS_RESPONSE = {
    "needs_response": "under_review",
    "warning_needs_response": "warning_under_review",
}
CLOSED = ("lost", "warning_closed", "won")


@route("GET", "/v1/disputes/{id}")
def retrieve(call: Call) -> Json:
    return call.subject("dispute").data


SUBMISSION = option("manual", "prefer_manual", "prefer_smart_disputes", "smart_disputes")


def evidence(name: str, value: Any) -> Json:
    if not isinstance(value, dict) or not set(value) <= set(EVIDENCE):
        raise invalid("Invalid object", param=name)
    return {key: text(20_000)(f"{name}[{key}]", each) for key, each in value.items()}


@route(
    "POST",
    "/v1/disputes/{id}",
    {
        "evidence": evidence,
        "intended_submission_method": SUBMISSION,
        "metadata": metadata,
        "submit": boolean,
    },
)
def update(call: Call) -> Json:
    """Evidence is handed in at once unless `submit` says otherwise."""
    record, params = call.subject("dispute"), call.params
    _check_open(record)
    put_metadata(record.data, params)
    if "intended_submission_method" in params:
        record.data["intended_submission_method"] = params["intended_submission_method"]
    if "evidence" in params:
        _add_evidence(call, record)
    return call.update(record, "charge.dispute.updated").data


def _add_evidence(call: Call, record: Record) -> None:
    status = record.data["status"]
    if status not in NEEDS_RESPONSE:
        raise invalid(
            f"This dispute has the status {status}; evidence can no longer be handed in.",
        )
    record.data["evidence"].update(call.params["evidence"])
    record.data["evidence_details"]["has_evidence"] = True
    if call.params.get("submit", True):
        record.data["status"] = NEEDS_RESPONSE[status]
        record.data["evidence_details"]["submission_count"] += 1
        record.data["evidence_details"]["submission_method"] = "manual"
        dispute_steps.await_decision(call, record)


def _check_open(record: Record) -> None:
    if record.data["status"] in CLOSED:
        raise invalid("This dispute is already closed")


@route("POST", "/v1/disputes/{id}/close")
def close(call: Call) -> Json:
    """The merchant accepts it, which is to lose it; an inquiry just ends."""
    record = call.subject("dispute")
    _check_open(record)
    is_inquiry = dispute_steps.is_inquiry(record)
    dispute_steps.close_dispute(call, record, "warning_closed" if is_inquiry else "lost")
    return record.data


LISTED: Schema = {
    **PAGING,
    "charge": text(),
    "created": time_range,
    "payment_intent": text(),
}


@route("GET", "/v1/disputes", LISTED)
def list_all(call: Call) -> Json:
    names = ("charge", "payment_intent")
    return list_objects(call, "dispute", **{name: call.params.get(name) for name in names})


def check_refundable(call: Call, charge: Record) -> None:
    """What the bank has taken back cannot be given back once more; an inquiry took nothing."""
    for dispute in call.objects.all("dispute", charge=charge.id):
        if not dispute.data["is_charge_refundable"]:
            raise invalid(
                f"Charge {charge.id} has been charged back; cannot issue a refund.",
                "charge_disputed",
            )
