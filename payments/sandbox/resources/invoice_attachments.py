"""Payments beside an invoice's own, each for a part of it.

https://docs.stripe.com/invoicing/partial-payments
"""

from ..call import Call
from ..errors import invalid
from ..ids import new_id
from ..messages import Json
from ..objects import Record
from ..params import Schema, text
from ..registry import after, route
from . import invoice_finishing, invoice_payments, payment_records

ATTACHED: Schema = {"payment_intent": text(), "payment_record": text()}


@route("POST", "/v1/invoices/{id}/attach_payment", ATTACHED)
def attach_payment(call: Call) -> Json:
    """What has succeeded already counts at once, anything else when it succeeds."""
    invoice, params = call.subject("invoice"), call.params
    if bool(params.get("payment_intent")) is bool(params.get("payment_record")):
        message = "You must pass exactly one of `payment_intent` and `payment_record`."
        raise invalid(message, param="payment_intent")
    if invoice.data["status"] not in ("open", "uncollectible"):
        status = invoice.data["status"]
        raise invalid(f"Payments can only be attached to open invoices. This one is {status}.")
    call = call.in_time_of(invoice.data)
    if params.get("payment_intent"):
        _attach_intent(call, invoice, params["payment_intent"])
    else:
        _attach_record(call, invoice, params["payment_record"])
    return call.fresh(invoice).data


def _attach_intent(call: Call, invoice: Record, intent_id: str) -> None:
    intent = call.reference("payment_intent", intent_id, "payment_intent")
    _check_currency(invoice, intent.data["currency"], "payment_intent")
    if intent.data["customer"] != invoice.data["customer"]:
        message = "The PaymentIntent and the invoice must have the same customer."
        raise invalid(message, param="payment_intent")
    if intent.private.get("invoice") or intent.private.get("attached_to"):
        raise invalid("This PaymentIntent is attached to an invoice.", param="payment_intent")
    if intent.data["status"] == "canceled":
        raise invalid("A canceled PaymentIntent cannot be attached.", param="payment_intent")
    intent.private["attached_to"] = invoice.id
    call.objects.save(intent)
    about = {"payment_intent": intent.id, "type": "payment_intent"}
    payment = _add_payment(call, invoice, about, intent.data["amount"])
    if intent.data["status"] == "succeeded":
        _credit(call, invoice, payment, intent.data["amount_received"])


def _attach_record(call: Call, invoice: Record, record_id: str) -> None:
    record = call.reference(payment_records.KIND, record_id, "payment_record")
    _check_currency(invoice, record.data["amount"]["currency"], "payment_record")
    if call.objects.all("invoice_payment", **{"payment.payment_record": record.id}):
        raise invalid("This Payment Record is attached to an invoice.", param="payment_record")
    received = record.data["amount_guaranteed"]["value"]
    if not received:
        message = "Only Payment Records of guaranteed payments can be attached."
        raise invalid(message, param="payment_record")
    about = {"payment_record": record.id, "type": "payment_record"}
    payment = _add_payment(call, invoice, about, record.data["amount_requested"]["value"])
    _credit(call, invoice, payment, received)


def _check_currency(invoice: Record, currency: str, param: str) -> None:
    if invoice.data["currency"] != currency:
        message = "The payment and the invoice must have the same currency."
        raise invalid(message, param=param)


def _add_payment(call: Call, invoice: Record, about: Json, amount: int) -> Record:
    body = {
        "id": new_id("inpay"),
        "object": "invoice_payment",
        "amount_paid": None,
        "amount_requested": amount,
        "created": call.now,
        "currency": invoice.data["currency"],
        "invoice": invoice.id,
        "is_default": False,
        "livemode": call.account.livemode,
        "payment": about,
        "status": "open",
        "status_transitions": {"canceled_at": None, "paid_at": None},
    }
    return call.objects.add("invoice_payment", body)


@after("payment_intent.succeeded")
def credit_attached(call: Call, intent: Record) -> None:
    invoice_id = intent.private.get("attached_to")
    invoice = call.objects.find("invoice", invoice_id) if invoice_id else None
    payments = call.objects.all("invoice_payment", **{"payment.payment_intent": intent.id})
    if invoice is not None and payments and invoice.data["status"] != "void":
        _credit(call.in_time_of(invoice.data), invoice, payments[0], intent.data["amount_received"])


def _credit(call: Call, invoice: Record, payment: Record, received: int) -> None:
    """A part reduces what is asked for, the last one closes the invoice."""
    data = invoice.data
    applied = min(received, data["amount_remaining"])
    payment.data.update(status="paid", amount_paid=applied)
    payment.data["status_transitions"]["paid_at"] = call.now
    call.objects.save(payment)
    data["amount_overpaid"] += received - applied
    if applied == data["amount_remaining"]:
        invoice_payments.drop(call, invoice)
        invoice_finishing.paid(call, invoice, data["amount_paid"] + applied)
    else:
        data["amount_paid"] += applied
        data["amount_remaining"] -= applied
        call.update(invoice, "invoice.updated")
        _reduce_default(call, invoice)
    call.emit("invoice_payment.paid", payment.data)


def _reduce_default(call: Call, invoice: Record) -> None:
    """The payment that Stripe made itself asks for the rest."""
    default = invoice_payments.default(call, invoice.id)
    intent = invoice_payments.intent_of(call, invoice.id)
    if default is None or intent is None or default.data["status"] != "open":
        return
    rest = invoice.data["amount_remaining"]
    default.data["amount_requested"] = rest
    call.objects.save(default)
    intent.data["amount"] = rest
    call.objects.save(intent)
