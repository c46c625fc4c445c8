"""Which payment pays which invoice; https://docs.stripe.com/api/invoice-payment."""

from ..call import Call
from ..ids import new_id
from ..listing import list_objects
from ..messages import Json
from ..objects import Record
from ..params import PAGING, Schema, choice, fields, text, time_range
from ..registry import route
from . import payment_intents
from .method_types import ON_INVOICES, set_method_types

DESCRIPTIONS = {"subscription_create": "Subscription creation", "manual": "Payment for Invoice"}


def make(call: Call, invoice: Record) -> Record:
    """The payment intent that Stripe makes when an invoice is finalized."""
    data = invoice.data
    intent = payment_intents.blank(call, data["amount_due"], data["currency"])
    intent["customer"] = data["customer"]
    intent.update(automatic_payment_methods=None, payment_method_configuration_details=None)
    intent["capture_method"] = "automatic"
    set_method_types(intent, ON_INVOICES)
    intent["description"] = DESCRIPTIONS.get(data["billing_reason"], "Subscription update")
    if data["billing_reason"] in ("subscription_create", "subscription_update"):
        intent["setup_future_usage"] = "off_session"
    record = call.objects.add("payment_intent", intent, {"invoice": invoice.id})
    call.emit("payment_intent.created", intent)
    call.objects.add("invoice_payment", _body(call, invoice, record.id))
    return record


def _body(call: Call, invoice: Record, intent_id: str) -> Json:
    return {
        "id": new_id("inpay"),
        "object": "invoice_payment",
        "amount_paid": None,
        "amount_requested": invoice.data["amount_due"],
        "created": call.now,
        "currency": invoice.data["currency"],
        "invoice": invoice.id,
        "is_default": True,
        "livemode": call.account.livemode,
        "payment": {"payment_intent": intent_id, "type": "payment_intent"},
        "status": "open",
        "status_transitions": {"canceled_at": None, "paid_at": None},
    }


def default(call: Call, invoice_id: str) -> Record | None:
    found = call.objects.all("invoice_payment", invoice=invoice_id, is_default=True)
    return found[0] if found else None


def intent_of(call: Call, invoice_id: str) -> Record | None:
    payment = default(call, invoice_id)
    if payment is None:
        return None
    return call.reference("payment_intent", payment.data["payment"]["payment_intent"], "payment")


def paid(call: Call, invoice: Record) -> None:
    payment = default(call, invoice.id)
    if payment is None:
        return
    payment.data.update(status="paid", amount_paid=payment.data["amount_requested"])
    payment.data["status_transitions"]["paid_at"] = call.now
    call.objects.save(payment)
    call.emit("invoice_payment.paid", payment.data)


def drop(call: Call, invoice: Record) -> None:
    """An invoice that is given up, or paid elsewhere, takes its payment with it."""
    payment, intent = default(call, invoice.id), intent_of(call, invoice.id)
    if payment is None or intent is None or payment.data["status"] != "open":
        return
    payment.data["status"] = "canceled"
    payment.data["status_transitions"]["canceled_at"] = call.now
    call.objects.save(payment)
    intent.data.update(
        status="canceled",
        canceled_at=call.now,
        cancellation_reason="void_invoice",
        next_action=None,
    )
    call.objects.save(intent)
    call.emit("payment_intent.canceled", intent.data)


@route("GET", "/v1/invoice_payments/{id}")
def retrieve(call: Call) -> Json:
    return call.subject("invoice_payment").data


LISTED: Schema = {
    **PAGING,
    "created": time_range,
    "invoice": text(),
    "payment": fields(
        ["type"],
        payment_intent=text(),
        payment_record=text(),
        type=choice("payment_intent", "payment_record"),
    ),
    "status": choice("canceled", "open", "paid"),
}


@route("GET", "/v1/invoice_payments", LISTED)
def list_all(call: Call) -> Json:
    params = call.params
    filters: Json = {name: params.get(name) for name in ("invoice", "status")}
    for name, value in (params.get("payment") or {}).items():
        filters[f"payment.{name}"] = value
    return list_objects(call, "invoice_payment", **filters)
