"""The steps of an invoice that a caller asks for: finalize, pay, void, write off."""

from ..call import Call
from ..errors import ApiError, invalid
from ..messages import Json
from ..objects import Record
from ..params import Schema, boolean, text
from ..registry import route
from . import invoice_collection, invoice_finishing, invoice_payments, payment_methods
from .invoice_totals import subscription_of
from .subscription_states import ENDED, expire


@route("POST", "/v1/invoices/{id}/finalize", {"auto_advance": boolean})
def finalize(call: Call) -> Json:
    record = call.subject("invoice")
    if record.data["status"] != "draft":
        raise invalid(
            "This invoice is already finalized, you can't re-finalize a non-draft invoice.",
            "invoice_not_editable",
        )
    call = call.in_time_of(record.data)
    invoice_finishing.finalize(call, record)
    if call.params.get("auto_advance") is False:
        record = call.fresh(record)
        record.data["auto_advance"] = False
        call.objects.save(record)
    return call.fresh(record).data


PAY: Schema = {
    "forgive": boolean,
    "mandate": text(),
    "off_session": boolean,
    "paid_out_of_band": boolean,
    "payment_method": text(),
}


@route("POST", "/v1/invoices/{id}/pay", PAY)
def pay(call: Call) -> Json:
    record, params = call.subject("invoice"), call.params
    call = call.in_time_of(record.data)
    if record.data["status"] == "draft":
        invoice_finishing.finalize(call, record)
        record = call.fresh(record)
    _check_payable(record)
    if params.get("paid_out_of_band"):
        invoice_payments.drop(call, record)
        invoice_finishing.paid(call, record, 0)
        return call.fresh(record).data
    refusal = pay_now(
        call, record, params.get("payment_method"), off_session=params.get("off_session", True)
    )
    if refusal is not None:
        raise refusal
    return call.fresh(record).data


def pay_now(
    call: Call, record: Record, method_id: str | None, **confirming: object
) -> ApiError | None:
    """An attempt that somebody asked for is none of the schedule's."""
    if record.data["status"] == "paid":
        return None
    method = payment_methods.referenced(call, method_id) if method_id else None
    refusal = invoice_collection.collect(call, record, method, automatic=False, **confirming)
    if refusal is not None:
        refusal.keeps_effects = True
    return refusal


def _check_payable(record: Record) -> None:
    status = record.data["status"]
    if status == "paid" and record.data["amount_due"] > 0:
        raise invalid("Invoice is already paid")
    if status == "void":
        raise invalid(f"You can only pay invoices that are open; this one is {status}.")


@route("POST", "/v1/invoices/{id}/void")
def void(call: Call) -> Json:
    record = _open(call, "void", ("open", "uncollectible"))
    call = call.in_time_of(record.data)
    invoice_finishing.void(call, record)
    _let_subscription_go(call, record)
    return call.fresh(record).data


@route("POST", "/v1/invoices/{id}/mark_uncollectible")
def mark_uncollectible(call: Call) -> Json:
    record = _open(call, "mark as uncollectible", ("open",))
    invoice_finishing.write_off(call.in_time_of(record.data), record)
    return call.fresh(record).data


@route("POST", "/v1/invoices/{id}/send")
def send(call: Call) -> Json:
    """Mail is not sent from here; the event is all that shows."""
    record = _open(call, "send", ("draft", "open"))
    call = call.in_time_of(record.data)
    if record.data["status"] == "draft":
        invoice_finishing.finalize(call, record)
    record = call.fresh(record)
    call.emit("invoice.sent", record.data)
    return record.data


def _open(call: Call, verb: str, allowed: tuple[str, ...]) -> Record:
    record = call.subject("invoice")
    if record.data["status"] not in allowed:
        raise invalid(
            f"You can only {verb} an invoice that is {' or '.join(allowed)}. This invoice is"
            f" {record.data['status']}.",
            "invoice_not_editable",
        )
    return record


def _let_subscription_go(call: Call, invoice: Record) -> None:
    """Nothing is owed any more, or the first payment will never come."""
    subscription = subscription_of(call, invoice.data)
    if subscription is None or subscription.data["status"] in ENDED:
        return
    if subscription.data["status"] == "incomplete":
        expire(call, subscription)
    elif subscription.data["status"] == "past_due":
        subscription.data["status"] = "active"
        call.update(subscription, "customer.subscription.updated")
