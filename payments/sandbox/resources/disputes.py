"""Disputes; https://docs.stripe.com/api/disputes and https://docs.stripe.com/testing#disputes."""

from typing import Any

from ..calendar import DAY
from ..call import Call
from ..errors import invalid
from ..ids import new_id
from ..listing import list_objects
from ..messages import Json
from ..objects import Record
from ..params import PAGING, Schema, boolean, merge_metadata, metadata, text, time_range
from ..registry import after, job, route
from . import charges, saved_cards

CARD = "4000000000000259"
FEE = 1500
ANSWER_DAYS = 7
OPEN = ("needs_response", "under_review")
EVIDENCE = (
    "access_activity_log", "billing_address", "cancellation_policy",
    "cancellation_policy_disclosure", "cancellation_rebuttal", "customer_communication",
    "customer_email_address", "customer_name", "customer_purchase_ip", "customer_signature",
    "duplicate_charge_documentation", "duplicate_charge_explanation", "duplicate_charge_id",
    "product_description", "receipt", "refund_policy", "refund_policy_disclosure",
    "refund_refusal_explanation", "service_date", "service_documentation", "shipping_address",
    "shipping_carrier", "shipping_date", "shipping_documentation", "shipping_tracking_number",
    "uncategorized_file", "uncategorized_text",
)  # fmt: skip


@after("payment_intent.succeeded")
def expect(call: Call, intent: Record) -> None:
    method = call.objects.find("payment_method", intent.data["payment_method"])
    if method is not None and saved_cards.card_of(method).number == CARD:
        call = call.in_time_of_customer(intent.data["customer"])
        call.later(call.settings.dispute_delay, "dispute.open", intent.data["latest_charge"])


@job("dispute.open")
def open_dispute(call: Call, charge_id: str) -> None:
    charge = call.reference("charge", charge_id, "charge")
    dispute = call.objects.add("dispute", _body(call, charge))
    charge.data["disputed"] = True
    call.update(charge, "charge.updated")
    _move(call, charge, dispute, -charge.data["amount"], FEE)
    call.emit("charge.dispute.created", dispute.data)
    call.emit("charge.dispute.funds_withdrawn", dispute.data)
    due = dispute.data["evidence_details"]["due_by"]
    call.when(due, "dispute.lapse", dispute.id)


def _body(call: Call, charge: Record) -> Json:
    card = charge.data["payment_method_details"]["card"]
    return {
        "id": new_id("du"),
        "object": "dispute",
        "amount": charge.data["amount"],
        "balance_transactions": [],
        "charge": charge.id,
        "created": call.now,
        "currency": charge.data["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {**dict.fromkeys(EVIDENCE), "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": call.now + ANSWER_DAYS * DAY,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": False,
        "livemode": call.account.livemode,
        "metadata": {},
        "payment_intent": charge.data["payment_intent"],
        "payment_method_details": {
            "card": {"brand": card["brand"], "case_type": "chargeback",
                     "network_reason_code": "10.4"},
            "type": "card",
        },
        "reason": "fraudulent",
        "status": "needs_response",
    }  # fmt: skip


def _move(call: Call, charge: Record, dispute: Record, amount: int, fee: int) -> None:
    kind = "adjustment"
    movement = charges.enter(call, charge.data, amount, fee, kind, dispute.id)
    dispute.data["balance_transactions"].append(movement.data)
    call.objects.save(dispute)


@job("dispute.lapse")
def lapse(call: Call, dispute_id: str) -> None:
    """Nobody answered in time."""
    dispute = call.reference("dispute", dispute_id, "dispute")
    if dispute.data["status"] == "needs_response":
        dispute.data["evidence_details"]["past_due"] = True
        _close(call, dispute, "lost")


def _close(call: Call, dispute: Record, status: str) -> None:
    dispute.data["status"] = status
    if status == "won":
        charge = call.reference("charge", dispute.data["charge"], "charge")
        _move(call, charge, dispute, dispute.data["amount"], -FEE)
        call.emit("charge.dispute.funds_reinstated", dispute.data)
    call.objects.save(dispute)
    call.emit("charge.dispute.closed", dispute.data)


@route("GET", "/v1/disputes/{id}")
def retrieve(call: Call) -> Json:
    return call.subject("dispute").data


def evidence(name: str, value: Any) -> Json:
    if not isinstance(value, dict) or not set(value) <= set(EVIDENCE):
        raise invalid("Invalid object", param=name)
    return {key: text(20_000)(f"{name}[{key}]", each) for key, each in value.items()}


@route(
    "POST",
    "/v1/disputes/{id}",
    {"evidence": evidence, "metadata": metadata, "submit": boolean},
)
def update(call: Call) -> Json:
    """Evidence is handed in at once unless `submit` says otherwise."""
    record, params = call.subject("dispute"), call.params
    if "metadata" in params:
        record.data["metadata"] = merge_metadata(record.data["metadata"], params["metadata"])
    if "evidence" in params:
        _check_open(record)
        record.data["evidence"].update(params["evidence"])
        record.data["evidence_details"]["has_evidence"] = True
        if params.get("submit", True):
            record.data["status"] = "under_review"
            record.data["evidence_details"]["submission_count"] += 1
            charge = call.reference("charge", record.data["charge"], "charge")
            clock = call.in_time_of_customer(charge.data["customer"])
            clock.later(call.settings.dispute_delay, "dispute.decide", record.id)
    return call.update(record, "charge.dispute.updated").data


def _check_open(record: Record) -> None:
    if record.data["status"] != "needs_response":
        raise invalid(
            f"This dispute has the status {record.data['status']}; evidence can no longer be"
            " handed in.",
        )


@job("dispute.decide")
def decide(call: Call, dispute_id: str) -> None:
    """The magic words of https://docs.stripe.com/testing#evidence; others decide nothing."""
    dispute = call.reference("dispute", dispute_id, "dispute")
    verdicts = {"winning_evidence": "won", "losing_evidence": "lost"}
    verdict = verdicts.get(dispute.data["evidence"]["uncategorized_text"])
    if dispute.data["status"] == "under_review" and verdict:
        _close(call, dispute, verdict)


@route("POST", "/v1/disputes/{id}/close")
def close(call: Call) -> Json:
    """The merchant accepts it, which is to lose it."""
    record = call.subject("dispute")
    _check_open(record)
    _close(call, record, "lost")
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
    """What the bank has taken back cannot be given back once more."""
    for dispute in call.objects.all("dispute", charge=charge.id):
        if dispute.data["status"] != "won":
            raise invalid(
                f"Charge {charge.id} has been charged back; cannot issue a refund.",
                "charge_disputed",
            )
