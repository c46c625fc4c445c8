"""What a credit note would be, and what becomes of one: changed, voided.

https://docs.stripe.com/api/credit_notes/preview and https://docs.stripe.com/api/credit_notes/void
"""

from ..call import Call
from ..errors import invalid
from ..messages import Json
from ..objects import Record
from ..params import PAGING, metadata, put_metadata, text
from ..registry import route
from . import credit_notes, invoice_payments


@route("GET", "/v1/credit_notes/preview", credit_notes.NEW, ["invoice"])
def preview(call: Call) -> Json:
    """The note is made for real and then taken back, so a preview cannot differ from it."""
    with call.store.step() as take_back:
        try:
            return credit_notes.create(call)
        finally:
            take_back()


@route("GET", "/v1/credit_notes/preview/lines", {**credit_notes.NEW, **PAGING}, ["invoice"])
def preview_lines(call: Call) -> Json:
    return dict(preview(call)["lines"])


@route("POST", "/v1/credit_notes/{id}", {"memo": text(), "metadata": metadata})
def update(call: Call) -> Json:
    record, params = call.subject("credit_note"), call.params
    if "memo" in params:
        record.data["memo"] = params["memo"]
    put_metadata(record.data, params)
    return call.update(record, "credit_note.updated").data


@route("POST", "/v1/credit_notes/{id}/void")
def void(call: Call) -> Json:
    """The invoice asks for the amount again; money that went back cannot be taken again."""
    record = call.subject("credit_note")
    invoice = call.reference("invoice", record.data["invoice"], "invoice")
    if record.data["status"] == "void":
        raise invalid("This credit note has already been voided.")
    if record.data["type"] != "pre_payment" or invoice.data["status"] != "open":
        raise invalid("You can only void credit notes of open invoices.")
    call = call.in_time_of(invoice.data)
    _ask_again(call, invoice, record.data["amount"])
    record.data.update(status="void", voided_at=call.now)
    call.objects.save(record)
    call.emit("credit_note.voided", record.data)
    return record.data


def _ask_again(call: Call, invoice: Record, amount: int) -> None:
    data = invoice.data
    data["pre_payment_credit_notes_amount"] -= amount
    data["amount_remaining"] += amount
    data["amount_due"] = data["amount_remaining"]
    call.update(invoice, "invoice.updated")
    intent = invoice_payments.intent_of(call, invoice.id)
    if intent is not None:
        intent.data["amount"] = data["amount_due"]
        call.objects.save(intent)
