"""From a draft to an open invoice to a paid one; https://docs.stripe.com/invoicing/overview."""

from ..call import Call
from ..messages import Json
from ..objects import Record
from ..registry import tell
from . import customer_balance, invoice_payments, invoice_totals
from .invoice_input import AS_RENDERED


def finalize(call: Call, invoice: Record) -> None:
    """Give it a number and a payment; what costs nothing is paid at once."""
    data = invoice.data
    customer = call.reference("customer", data["customer"], "customer")
    _number(call, customer, data)
    _settle_balance(call, customer, data)
    data.update(
        status="open",
        auto_advance=data["collection_method"] == "charge_automatically",
        automatically_finalizes_at=None,
        effective_at=data["effective_at"] or call.now,
        rendering=data["rendering"] or {**AS_RENDERED},
        hosted_invoice_url=f"{call.base_url}/i/{invoice.id}",
        invoice_pdf=f"{call.base_url}/i/{invoice.id}/pdf",
    )
    data["status_transitions"]["finalized_at"] = call.now
    call.objects.save(invoice)
    call.emit("invoice.finalized", data)
    if data["amount_due"] > 0:
        invoice_payments.make(call, invoice)
    else:
        paid(call, invoice, 0)


def _number(call: Call, customer: Record, data: Json) -> None:
    sequence = customer.data["next_invoice_sequence"]
    data["number"] = data["number"] or f"{customer.data['invoice_prefix']}-{sequence:04d}"
    customer.data["next_invoice_sequence"] = sequence + 1
    customer.data["currency"] = customer.data["currency"] or data["currency"]
    call.objects.save(customer)


def _settle_balance(call: Call, customer: Record, data: Json) -> None:
    """Credit is used up, and what a downgrade leaves over becomes credit."""
    before = customer.data["balance"]
    due, after = invoice_totals.with_balance(data["total"], before, data["currency"])
    data.update(amount_due=due, amount_remaining=due, starting_balance=before, ending_balance=after)
    if after != before:
        customer_balance.move(
            call,
            customer,
            after - before,
            "applied_to_invoice",
            currency=data["currency"],
            invoice=data["id"],
        )


def paid(call: Call, invoice: Record, amount: int) -> None:
    """The subscription hears of it first, as its state is part of what follows."""
    data = invoice.data
    data.update(
        status="paid",
        amount_paid=amount,
        amount_remaining=0,
        attempted=True,
        auto_advance=False,
        next_payment_attempt=None,
    )
    data["status_transitions"]["paid_at"] = call.now
    previous = invoice.previous_attributes()
    call.objects.save(invoice)
    tell(call, "invoice.paid", invoice)
    if amount:
        call.emit("invoice.updated", data, previous)
    call.emit("invoice.paid", data)
    call.emit("invoice.payment_succeeded", data)


def void(call: Call, invoice: Record) -> None:
    invoice.data.update(
        status="void", auto_advance=False, next_payment_attempt=None, amount_remaining=0
    )
    invoice.data["status_transitions"]["voided_at"] = call.now
    call.objects.save(invoice)
    invoice_payments.drop(call, invoice)
    call.emit("invoice.voided", invoice.data)


def write_off(call: Call, invoice: Record) -> None:
    invoice.data.update(status="uncollectible", auto_advance=False, next_payment_attempt=None)
    invoice.data["status_transitions"]["marked_uncollectible_at"] = call.now
    call.objects.save(invoice)
    call.emit("invoice.marked_uncollectible", invoice.data)


def stop(call: Call, invoice: Record) -> None:
    """Nobody asks for the money any more; the customer may still pay."""
    invoice.data.update(auto_advance=False, next_payment_attempt=None)
    call.update(invoice, "invoice.updated")
