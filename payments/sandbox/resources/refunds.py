"""Refunds; https://docs.stripe.com/api/refunds and https://docs.stripe.com/testing#refunds."""

from ..call import Call
from ..cards import Refund
from ..errors import ApiError, invalid
from ..ids import new_id
from ..listing import list_objects
from ..messages import Json
from ..money import check_step, written
from ..objects import Record
from ..params import (
    PAGING,
    Schema,
    boolean,
    choice,
    integer,
    merge_metadata,
    metadata,
    put_metadata,
    text,
    time_range,
)
from ..registry import after, job, route, tell
from . import charges, disputes, saved_cards

NEW: Schema = {
    "amount": integer(1),
    "charge": text(),
    "currency": text(),
    "instructions_email": text(),
    "metadata": metadata,
    "payment_intent": text(),
    "reason": choice("duplicate", "fraudulent", "requested_by_customer"),
    "refund_application_fee": boolean,
    "reverse_transfer": boolean,
}


@route("POST", "/v1/refunds", NEW)
def create(call: Call) -> Json:
    charge = _charge(call)
    disputes.check_refundable(call, charge)
    amount = _amount(call, charge)
    refund = call.objects.add("refund", _body(call, charge, amount))
    _take_from(call, charge, refund, amount)
    call.emit("refund.created", refund.data)
    call.emit("charge.refunded", charge.data)
    tell(call, "charge.refunded", charge)
    _schedule(call, charge, refund)
    return refund.data


def _charge(call: Call) -> Record:
    charge_id, intent_id = call.params.get("charge"), call.params.get("payment_intent")
    if charge_id:
        charge = call.reference("charge", charge_id, "charge")
    elif intent_id:
        charge = _charge_of_intent(call, intent_id)
    else:
        raise invalid(
            "One of the following params should be provided for this request: payment_intent or"
            " charge.",
            "parameter_missing",
        )
    if charge.data["status"] != "succeeded":
        raise _no_successful_charge(charge.data["payment_intent"])
    return charge


def _charge_of_intent(call: Call, intent_id: str) -> Record:
    intent = call.reference("payment_intent", intent_id, "payment_intent")
    if intent.data["status"] not in ("succeeded", "requires_capture"):
        raise _no_successful_charge(intent.id)
    return call.reference("charge", intent.data["latest_charge"], "charge")


def _no_successful_charge(intent_id: str) -> ApiError:
    return invalid(
        f"This PaymentIntent ({intent_id}) does not have a successful charge to refund.",
        "payment_intent_unexpected_state",
        "payment_intent",
    )


def _amount(call: Call, charge: Record) -> int:
    data = charge.data
    if not data["captured"]:
        raise invalid(
            f"Charge {charge.id} has not been captured. Cancel the PaymentIntent to release it.",
            "charge_not_refundable",
            "charge",
        )
    left = data["amount_captured"] - data["amount_refunded"]
    if left <= 0:
        message = f"Charge {charge.id} has already been refunded."
        raise invalid(message, "charge_already_refunded")
    amount: int = call.params.get("amount", left)
    if amount > left:
        wanted, rest = written(amount, data["currency"]), written(left, data["currency"])
        raise invalid(
            f"Refund amount ({wanted}) is greater than unrefunded amount on charge ({rest})",
            param="amount",
        )
    check_step(amount, data["currency"])
    return amount


def _body(call: Call, charge: Record, amount: int) -> Json:
    return {
        "id": new_id("re"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge.id,
        "created": call.now,
        "currency": charge.data["currency"],
        "customer": charge.data["customer"],
        "customer_account": None,
        "destination_details": {
            "card": {
                "reference_status": "pending",
                "reference_type": "acquirer_reference_number",
                "type": "refund",
            },
            "type": "card",
        },
        "metadata": merge_metadata({}, call.params.get("metadata") or {}),
        "payment_intent": charge.data["payment_intent"],
        "payment_method": charge.data["payment_method"],
        "reason": call.params.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }


def _take_from(call: Call, charge: Record, refund: Record, amount: int) -> None:
    charge.data["amount_refunded"] += amount
    charge.data["refunded"] = charge.data["amount_refunded"] == charge.data["amount_captured"]
    call.objects.save(charge)
    movement = charges.enter(call, charge.data, -amount, 0, "refund", refund.id)
    refund.data["balance_transaction"] = movement.id
    if _behaviour(call, charge) is Refund.PENDING:
        refund.data["status"] = "pending"
        refund.data["pending_reason"] = "processing"
    call.objects.save(refund)


def _behaviour(call: Call, charge: Record) -> Refund:
    method = call.objects.find("payment_method", charge.data["payment_method"])
    return saved_cards.card_of(method).refund if method else Refund.AT_ONCE


def _schedule(call: Call, charge: Record, refund: Record) -> None:
    behaviour = _behaviour(call, charge)
    if behaviour is Refund.PENDING:
        call.later(call.settings.refund_delay, "refund.settle", refund.id)
    elif behaviour is Refund.FAILS:
        call.later(call.settings.refund_delay, "refund.fail", refund.id)


@job("refund.settle")
def settle(call: Call, refund_id: str) -> None:
    refund = call.reference("refund", refund_id, "refund")
    if refund.data["status"] != "pending":  # a chargeback came in between
        return
    refund.data["status"] = "succeeded"
    refund.data.pop("pending_reason", None)
    call.update(refund, "refund.updated")
    call.emit("charge.refund.updated", refund.data)


@job("refund.fail")
def fail(call: Call, refund_id: str) -> None:
    """The bank sends the money back; https://docs.stripe.com/refunds#failed-refunds."""
    refund = call.reference("refund", refund_id, "refund")
    if refund.data["status"] != "failed":
        _fail_refund(call, refund, "expired_or_canceled_card")


@after("dispute.escalated")
def fail_refunds_of_inquiry(call: Call, dispute: Record) -> None:
    """What was refunded while the bank only asked comes back once it takes the money itself."""
    for refund in call.objects.all("refund", charge=dispute.data["charge"]):
        if refund.data["created"] >= dispute.data["created"] and refund.data["status"] != "failed":
            _fail_refund(call, refund, "charge_for_pending_refund_disputed")


def _fail_refund(call: Call, refund: Record, reason: str) -> None:
    charge = call.reference("charge", refund.data["charge"], "charge")
    amount = refund.data["amount"]
    movement = charges.enter(call, charge.data, amount, 0, "refund_failure", refund.id)
    refund.data.update(
        status="failed",
        failure_reason=reason,
        failure_balance_transaction=movement.id,
    )
    call.update(refund, "refund.updated")
    call.emit("charge.refund.updated", refund.data)
    call.emit("refund.failed", refund.data)
    charge.data["amount_refunded"] -= amount
    charge.data["refunded"] = False
    call.update(charge, "charge.updated")


@route("GET", "/v1/refunds/{id}")
def retrieve(call: Call) -> Json:
    return call.subject("refund").data


@route("POST", "/v1/refunds/{id}", {"metadata": metadata})
def update(call: Call) -> Json:
    record = call.subject("refund")
    put_metadata(record.data, call.params)
    return call.update(record, "refund.updated").data


@route("POST", "/v1/refunds/{id}/cancel")
def cancel(call: Call) -> Json:
    """Card refunds never wait for the customer: https://docs.stripe.com/api/refunds/cancel."""
    call.subject("refund")
    raise invalid("Canceling this refund is unsupported.")


@route(
    "GET",
    "/v1/refunds",
    {**PAGING, "charge": text(), "created": time_range, "payment_intent": text()},
)
def list_all(call: Call) -> Json:
    names = ("charge", "payment_intent")
    return list_objects(call, "refund", **{name: call.params.get(name) for name in names})


@route("GET", "/v1/charges/{id}/refunds", PAGING)
def list_of_charge(call: Call) -> Json:
    return list_objects(call, "refund", charge=call.subject("charge").id)
