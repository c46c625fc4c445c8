"""Credit notes; https://docs.stripe.com/api/credit_notes."""

from dataclasses import replace

from ..call import Call
from ..errors import invalid
from ..ids import new_id
from ..listing import list_objects, list_of
from ..messages import Json
from ..objects import Record
from ..params import (
    PAGING,
    Schema,
    array,
    choice,
    entry,
    integer,
    merge_metadata,
    metadata,
    moment,
    option,
    text,
    time_range,
    word,
)
from ..registry import route
from . import customer_balance, invoice_finishing, invoice_payments, refunds

LINE = entry(
    ["type"],
    amount=integer(0),
    description=text(),
    invoice_line_item=text(),
    quantity=integer(0),
    type=option("custom_line_item", "invoice_line_item"),
    unit_amount=integer(0),
)
NEW: Schema = {
    "amount": integer(1),
    "credit_amount": integer(0),
    "effective_at": moment,
    "email_type": option("credit_note", "none"),
    "invoice": word(),
    "lines": array(LINE),
    "memo": text(),
    "metadata": metadata,
    "out_of_band_amount": integer(0),
    "reason": choice("duplicate", "fraudulent", "order_change", "product_unsatisfactory"),
    "refund_amount": integer(0),
    "refunds": array(entry(["refund"], amount_refunded=integer(1), refund=text())),
}
WAYS = ("credit_amount", "out_of_band_amount", "refund_amount")


@route("POST", "/v1/credit_notes", NEW, ["invoice"])
def create(call: Call) -> Json:
    invoice = call.reference("invoice", call.params["invoice"], "invoice")
    call = call.in_time_of(invoice.data)
    amount = _amount(call, invoice)
    note = call.objects.add("credit_note", _body(call, invoice, amount))
    if invoice.data["status"] == "paid":
        _give_back(call, invoice, note)
    else:
        _ask_less(call, invoice, amount)
    call.objects.save(note)
    call.emit("credit_note.created", note.data)
    return note.data


def _amount(call: Call, invoice: Record) -> int:
    data, params = invoice.data, call.params
    if data["status"] not in ("open", "paid"):
        raise invalid("Credit notes can only be made for open or paid invoices.", param="invoice")
    ways = sum(params.get(name, 0) for name in WAYS)
    ways += sum(each["amount_refunded"] for each in _present_refunds(call))
    lines = sum(_line_amount(line) for line in params.get("lines") or [])
    amount: int = params.get("amount", lines or ways)
    noted = data["pre_payment_credit_notes_amount"] + data["post_payment_credit_notes_amount"]
    if not 0 < amount <= data["total"] - noted:
        raise invalid(
            "The credit note's amount exceeds what is left on the invoice.", param="amount"
        )
    if data["status"] == "paid" and ways != amount:
        raise invalid(
            "The sum of credit amount, refund amount and out of band amount must equal the credit"
            f" note's amount ({amount}).",
        )
    return amount


def _line_amount(given: Json) -> int:
    if "amount" in given:
        return int(given["amount"])
    return int(given.get("quantity", 1)) * int(given.get("unit_amount", 0))


def _lines(call: Call) -> list[Json]:
    """https://docs.stripe.com/api/credit_notes/line_item"""
    return [_line(call, given) for given in call.params.get("lines") or []]


def _line(call: Call, given: Json) -> Json:
    amount, unit = _line_amount(given), given.get("unit_amount")
    line = {
        "id": new_id("cnli"),
        "object": "credit_note_line_item",
        "amount": amount,
        "description": given.get("description"),
        "discount_amount": 0,
        "discount_amounts": [],
        "livemode": call.account.livemode,
        "metadata": {},
        "pretax_credit_amounts": [],
        "quantity": given.get("quantity"),
        "tax_rates": [],
        "taxes": [],
        "type": given["type"],
        "unit_amount": unit,
        "unit_amount_decimal": None if unit is None else str(unit),
    }
    if given.get("invoice_line_item"):
        line["invoice_line_item"] = given["invoice_line_item"]
    return line


def _body(call: Call, invoice: Record, amount: int) -> Json:
    data, params = invoice.data, call.params
    note_id, paid = new_id("cn"), data["status"] == "paid"
    count = len(call.objects.all("credit_note", invoice=invoice.id)) + 1
    same = dict.fromkeys(
        ("amount", "subtotal", "subtotal_excluding_tax", "total", "total_excluding_tax"), amount
    )
    return {
        "id": note_id,
        "object": "credit_note",
        **same,
        "amount_shipping": 0,
        "created": call.now,
        "currency": data["currency"],
        "customer": data["customer"],
        "customer_account": None,
        "customer_balance_transaction": None,
        "discount_amount": 0,
        "discount_amounts": [],
        "effective_at": params.get("effective_at") or call.now,
        "invoice": invoice.id,
        "lines": list_of(_lines(call), f"/v1/credit_notes/{note_id}/lines"),
        "livemode": call.account.livemode,
        "memo": params.get("memo"),
        "metadata": merge_metadata({}, params.get("metadata") or {}),
        "number": f"{data['number']}-CN-{count:02d}",
        "out_of_band_amount": params.get("out_of_band_amount"),
        "pdf": f"{call.base_url}/i/{invoice.id}/pdf",
        "post_payment_amount": amount if paid else 0,
        "pre_payment_amount": 0 if paid else amount,
        "pretax_credit_amounts": [],
        "reason": params.get("reason"),
        "refunds": [],
        "shipping_cost": None,
        "status": "issued",
        "total_taxes": [],
        "type": "post_payment" if paid else "pre_payment",
        "voided_at": None,
    }


def _give_back(call: Call, invoice: Record, note: Record) -> None:
    """As credit for later invoices, or to the card."""
    params = call.params
    if params.get("credit_amount"):
        customer = call.reference("customer", invoice.data["customer"], "customer")
        moved = customer_balance.move(
            call,
            customer,
            -params["credit_amount"],
            "credit_note",
            currency=invoice.data["currency"],
            credit_note=note.id,
        )
        note.data["customer_balance_transaction"] = moved.id
    if params.get("refund_amount"):
        note.data["refunds"] = [_refund(call, invoice, params["refund_amount"])]
    note.data["refunds"] += _present_refunds(call)
    invoice.data["post_payment_credit_notes_amount"] += note.data["amount"]
    call.update(invoice, "invoice.updated")


def _present_refunds(call: Call) -> list[Json]:
    """Refunds made before the note that it accounts for."""
    return [
        _refunded(
            call.reference("refund", given["refund"], f"refunds[{index}][refund]").data,
            given.get("amount_refunded"),
        )
        for index, given in enumerate(call.params.get("refunds") or [])
    ]


def _refunded(refund: Json, amount: int | None) -> Json:
    return {
        "amount_refunded": refund["amount"] if amount is None else amount,
        "payment_record_refund": None,
        "refund": refund["id"],
        "type": "refund",
    }


def _refund(call: Call, invoice: Record, amount: int) -> Json:
    intent = invoice_payments.intent_of(call, invoice.id)
    if intent is None:
        raise invalid("This invoice has no payment that could be refunded.", param="refund_amount")
    made = refunds.create(replace(call, params={"payment_intent": intent.id, "amount": amount}))
    return _refunded(made, amount)


def _ask_less(call: Call, invoice: Record, amount: int) -> None:
    """An open invoice shrinks, and so does its payment."""
    data = invoice.data
    data["pre_payment_credit_notes_amount"] += amount
    data["amount_remaining"] = max(data["amount_remaining"] - amount, 0)
    data["amount_due"] = data["amount_remaining"]
    if data["amount_due"] == 0:
        invoice_payments.drop(call, invoice)
        invoice_finishing.paid(call, invoice, 0)
        return
    call.update(invoice, "invoice.updated")
    intent = invoice_payments.intent_of(call, invoice.id)
    if intent is not None:
        intent.data["amount"] = data["amount_due"]
        call.objects.save(intent)


@route("GET", "/v1/credit_notes/{id}")
def retrieve(call: Call) -> Json:
    return call.subject("credit_note").data


@route("GET", "/v1/credit_notes/{id}/lines", PAGING)
def list_lines(call: Call) -> Json:
    return dict(call.subject("credit_note").data["lines"])


LISTED: Schema = {**PAGING, "created": time_range, "customer": text(), "invoice": text()}


@route("GET", "/v1/credit_notes", LISTED)
def list_all(call: Call) -> Json:
    names = ("customer", "invoice")
    return list_objects(call, "credit_note", **{name: call.params.get(name) for name in names})
