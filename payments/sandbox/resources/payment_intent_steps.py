"""The steps of a payment intent that a caller asks for: confirm, capture, cancel."""

from ..call import Call
from ..errors import invalid, unexpected_state
from ..messages import Json
from ..money import check_step
from ..objects import Record
from ..params import (
    Schema,
    anything,
    array,
    boolean,
    fields,
    integer,
    metadata,
    option,
    put_metadata,
    text,
    word,
)
from ..registry import route, tell
from . import charges, payments
from .browser import check_browser, refuse_browser, shown_to
from .payment_intents import (
    ABOUT_METHOD,
    CANCEL,
    CONFIRMING,
    PLAIN,
    apply_customer_and_method,
    refuse_late_changes,
)

CONFIRM: Schema = {
    **ABOUT_METHOD,
    **CONFIRMING,
    "allowed_payment_method_types": array(word()),
    "amount_details": anything,
    "amount_to_confirm": integer(1),
    "capture_method": option("automatic", "automatic_async", "manual"),
    "client_secret": text(),
    "excluded_payment_method_types": array(word()),
    "hooks": anything,
    "key": text(),
    "payment_details": anything,
}
CANCELABLE = (
    "requires_payment_method", "requires_capture", "requires_confirmation", "requires_action",
    "processing",
)  # fmt: skip


@route("POST", "/v1/payment_intents/{id}/confirm", CONFIRM, browser=True)
def confirm(call: Call) -> Json:
    record = call.subject("payment_intent")
    check_browser(call, record)
    if call.params.get("off_session"):
        refuse_browser(call)
    status = record.data["status"]
    if status == "canceled" and "payment_method" in call.params:
        refuse_late_changes(record, call.params)
    if status in payments.CONFIRMABLE:
        record.data.update({key: call.params[key] for key in PLAIN if key in call.params})
        apply_customer_and_method(call, record)
    payments.confirm(call, record)
    return shown_to(call, record.data)


CAPTURE: Schema = {
    "amount_details": anything,
    "amount_to_capture": integer(1),
    "application_fee_amount": integer(0),
    "final_capture": boolean,
    "hooks": anything,
    "metadata": metadata,
    "payment_details": anything,
    "statement_descriptor": text(22),
    "statement_descriptor_suffix": text(22),
    "transfer_data": fields(amount=integer(0)),
}


@route("POST", "/v1/payment_intents/{id}/capture", CAPTURE)
def capture(call: Call) -> Json:
    record = call.subject("payment_intent")
    _check_status(record, ("requires_capture",), "captured")
    capturable: int = record.data["amount_capturable"]
    amount: int = call.params.get("amount_to_capture", capturable)
    if amount > capturable:
        raise invalid(
            "The provided capture amount is greater than the amount of the PaymentIntent.",
            "amount_too_large",
            "amount_to_capture",
        )
    check_step(amount, record.data["currency"])
    _capture_charge(call, record, amount)
    record.data.update(status="succeeded", amount_received=amount, amount_capturable=0)
    put_metadata(record.data, call.params)
    call.objects.save(record)
    call.emit("payment_intent.succeeded", record.data)
    tell(call, "payment_intent.captured", record)
    return record.data


def _capture_charge(call: Call, record: Record, amount: int) -> None:
    charge = call.reference("charge", record.data["latest_charge"], "charge")
    charge.data.update(captured=True, amount_captured=amount)
    charges.book(call, charge, amount)
    call.objects.save(charge)
    call.emit("charge.captured", charge.data)


@route("POST", "/v1/payment_intents/{id}/cancel", CANCEL)
def cancel(call: Call) -> Json:
    record = call.subject("payment_intent")
    _check_status(record, CANCELABLE, "canceled")
    if record.data["status"] == "requires_capture":
        _release_charge(call, record)
    record.data.update(
        status="canceled",
        canceled_at=call.now,
        cancellation_reason=call.params.get("cancellation_reason"),
        amount_capturable=0,
        next_action=None,
        processing=None,
    )
    call.objects.save(record)
    call.emit("payment_intent.canceled", record.data)
    return record.data


def _release_charge(call: Call, record: Record) -> None:
    """An authorization that is given up shows as a refunded charge."""
    charge = call.reference("charge", record.data["latest_charge"], "charge")
    charge.data.update(refunded=True, amount_refunded=charge.data["amount"])
    call.objects.save(charge)
    call.emit("charge.refunded", charge.data)


def _check_status(record: Record, allowed: tuple[str, ...], done: str) -> None:
    status = record.data["status"]
    if status in allowed:
        return
    verb = {"captured": "capture", "canceled": "cancel"}[done]
    raise unexpected_state(
        "payment_intent",
        f"You cannot {verb} this PaymentIntent because it has a status of {status}. Only a"
        f" PaymentIntent with one of the following statuses may be {done}: {', '.join(allowed)}.",
        record.data,
    )
