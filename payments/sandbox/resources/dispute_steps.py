"""How a dispute moves on: opened, answered, escalated, decided, closed.

https://docs.stripe.com/disputes/how-disputes-work and https://docs.stripe.com/testing#disputes
"""

from dataclasses import dataclass

from ..calendar import DAY
from ..call import Call
from ..ids import new_id
from ..messages import Json
from ..objects import Record
from ..registry import after, job, tell
from . import charges, saved_cards

FEE = 1500
ANSWER_DAYS = 8
# An inquiry that nobody escalates ends by itself.
INQUIRY_DAYS = 120
CHARGEBACK_STATUSES = ("needs_response", "under_review")
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


@dataclass(frozen=True)
class Case:
    """What a card's bank claims: the reason, the network's code, and whether it only asks."""

    reason: str
    code: str
    inquiry: bool = False


FRAUD_CODE = "10.4"
CASES = {
    "4000000000000259": Case("fraudulent", FRAUD_CODE),
    "4000000000002685": Case("product_not_received", "13.1"),
    "4000000000001976": Case("fraudulent", "10", inquiry=True),
}


@after("payment_intent.succeeded")
@after("payment_intent.captured")
def expect_dispute(call: Call, intent: Record) -> None:
    method = call.objects.find("payment_method", intent.data["payment_method"])
    if method is not None and saved_cards.card_of(method).number in CASES:
        call = call.in_time_of_customer(intent.data["customer"])
        call.later(call.settings.dispute_delay, "dispute.open", intent.data["latest_charge"])


@job("dispute.open")
def open_dispute(call: Call, charge_id: str) -> None:
    charge = call.reference("charge", charge_id, "charge")
    method = call.reference("payment_method", charge.data["payment_method"], "payment_method")
    case = CASES[saved_cards.card_of(method).number]
    dispute = call.objects.add("dispute", _body(call, charge, case))
    charge.data.update(disputed=True, dispute=dispute.id)
    call.update(charge, "charge.updated")
    if not case.inquiry:
        _move(call, charge, dispute, -charge.data["amount"], FEE)
    call.emit("charge.dispute.created", dispute.data)
    if case.inquiry:
        call.when(dispute.data["created"] + INQUIRY_DAYS * DAY, "dispute.expire", dispute.id)
    else:
        call.emit("charge.dispute.funds_withdrawn", dispute.data)
    call.when(dispute.data["evidence_details"]["due_by"], "dispute.lapse", dispute.id)


def _body(call: Call, charge: Record, case: Case) -> Json:
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
            "due_by": _due_by(call.now),
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "intended_submission_method": None,
        "is_charge_refundable": case.inquiry,
        "livemode": call.account.livemode,
        "metadata": {},
        "payment_intent": charge.data["payment_intent"],
        "payment_method_details": _method_details(charge, case),
        "reason": case.reason,
        "status": "warning_needs_response" if case.inquiry else "needs_response",
    }


def _due_by(now: int) -> int:
    """The last second of a day, UTC, as Stripe's deadlines are."""
    return (now // DAY + ANSWER_DAYS + 1) * DAY - 1


def _method_details(charge: Record, case: Case) -> Json:
    brand = charge.data["payment_method_details"]["card"]["brand"]
    case_type = "inquiry" if case.inquiry else "chargeback"
    card = {"brand": brand, "case_type": case_type, "network": brand}
    return {"card": {**card, "network_reason_code": case.code}, "type": "card"}


def _move(call: Call, charge: Record, dispute: Record, amount: int, fee: int) -> None:
    kind = "adjustment"
    movement = charges.enter(call, charge.data, amount, fee, kind, dispute.id)
    dispute.data["balance_transactions"].append(movement.data)
    call.objects.save(dispute)


def is_inquiry(dispute: Record) -> bool:
    """The bank only asks: no money has been taken."""
    return str(dispute.data["status"]).startswith("warning_")


@job("dispute.lapse")
def lapse(call: Call, dispute_id: str) -> None:
    """Nobody answered in time: a chargeback is lost, an inquiry may still be escalated."""
    dispute = call.reference("dispute", dispute_id, "dispute")
    details, status = dispute.data["evidence_details"], dispute.data["status"]
    if not status.endswith("needs_response") or details["due_by"] > call.now:
        return
    details["past_due"] = True
    if is_inquiry(dispute):
        call.update(dispute, "charge.dispute.updated")
    else:
        close_dispute(call, dispute, "lost")


@job("dispute.expire")
def expire_inquiry(call: Call, dispute_id: str) -> None:
    dispute = call.reference("dispute", dispute_id, "dispute")
    if is_inquiry(dispute) and dispute.data["status"] != "warning_closed":
        close_dispute(call, dispute, "warning_closed")


def await_decision(call: Call, dispute: Record) -> None:
    """The bank looks at the evidence for `dispute_delay` seconds."""
    charge = call.reference("charge", dispute.data["charge"], "charge")
    clock = call.in_time_of_customer(charge.data["customer"])
    clock.later(call.settings.dispute_delay, "dispute.decide", dispute.id)


@job("dispute.decide")
def decide(call: Call, dispute_id: str) -> None:
    """The magic words of https://docs.stripe.com/testing#evidence; others decide nothing."""
    dispute = call.reference("dispute", dispute_id, "dispute")
    words, status = dispute.data["evidence"]["uncategorized_text"], dispute.data["status"]
    verdicts = {"winning_evidence": "won", "losing_evidence": "lost"}
    if status == "under_review" and words in verdicts:
        close_dispute(call, dispute, verdicts[words])
    elif status == "warning_under_review" and words in verdicts:
        close_dispute(call, dispute, "warning_closed")
    elif status == "warning_under_review" and words == "escalate_inquiry_evidence":
        _escalate(call, dispute)


def _escalate(call: Call, dispute: Record) -> None:
    """The bank makes a chargeback of its question, and takes the money."""
    charge = call.reference("charge", dispute.data["charge"], "charge")
    dispute.data.update(status="needs_response", is_charge_refundable=False)
    dispute.data["evidence_details"]["due_by"] = _due_by(call.now)
    card = dispute.data["payment_method_details"]["card"]
    card.update(case_type="chargeback", network_reason_code=FRAUD_CODE)
    previous = dispute.previous_attributes()
    _move(call, charge, dispute, -charge.data["amount"], FEE)
    call.emit("charge.dispute.updated", dispute.data, previous)
    call.emit("charge.dispute.funds_withdrawn", dispute.data)
    tell(call, "dispute.escalated", dispute)
    call.when(dispute.data["evidence_details"]["due_by"], "dispute.lapse", dispute.id)


def close_dispute(call: Call, dispute: Record, status: str) -> None:
    """Close it as `won`, `lost` or `warning_closed`; whoever wins gets money and fee back."""
    dispute.data["status"] = status
    dispute.data["is_charge_refundable"] = status != "lost"
    charge = call.reference("charge", dispute.data["charge"], "charge")
    if status == "won":
        _move(call, charge, dispute, dispute.data["amount"], -FEE)
        call.emit("charge.dispute.funds_reinstated", dispute.data)
    call.objects.save(dispute)
    call.emit("charge.dispute.closed", dispute.data)


@after("charge.refunded")
def resolve_inquiry(call: Call, charge: Record) -> None:
    """An inquiry about money that has been given back in full is settled."""
    if not charge.data["refunded"] or not charge.data["disputed"]:
        return
    for dispute in call.objects.all("dispute", charge=charge.id):
        if dispute.data["status"] in ("warning_needs_response", "warning_under_review"):
            close_dispute(call, dispute, "warning_closed")
