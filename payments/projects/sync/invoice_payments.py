"""Which payments an invoice has, and how much each of them took.

Before *basil* an invoice had one; since then it lists as many as were made, of several types:
https://docs.stripe.com/changelog/basil/2025-03-31/add-support-for-multiple-partial-payments-on-invoices
"""

from __future__ import annotations

from dataclasses import dataclass

from payments.gateway.billing_results import Plain, reference
from payments.kit.storable import check_amount


@dataclass(frozen=True)
class InvoicePayment:
    """A payment of an invoice by the id of its PaymentIntent, or of a charge that has none.

    `amount` is what it took, in minor units; None when only the PaymentIntent itself tells.
    """

    id: str
    is_paid: bool
    amount: int | None


def read_invoice_payments(found: Plain) -> list[InvoicePayment] | None:
    """Return the payments of an invoice; None when the payload does not tell them all."""
    if found.get("paid_out_of_band"):
        return None
    if "payment_intent" in found:
        return _payments_before_basil(found)
    listed = found.get("payments")
    if isinstance(listed, dict):
        return None if listed.get("has_more") else _listed_payments(found, listed.get("data") or [])
    due = found.get("amount_due")
    nothing_due = due is not None and due <= 0 and not found.get("amount_paid")
    return [] if nothing_due else None


def sum_payments(took: list[InvoicePayment]) -> dict[str, int]:
    """Return what each payment took of the invoice; one that is listed twice took both parts."""
    sums: dict[str, int] = {}
    for made in took:
        if made.amount is not None:
            sums[made.id] = sums.get(made.id, 0) + check_amount(made.amount, made.id)
    return {made: amount for made, amount in sums.items() if amount > 0}


def _payments_before_basil(found: Plain) -> list[InvoicePayment]:
    """Return the one payment that an invoice could have; its PaymentIntent may be canceled."""
    made = found["payment_intent"] or found.get("charge")
    if made is None:
        return []
    paid, due = found.get("amount_paid") or 0, found.get("amount_due") or 0
    is_paid = found.get("status") == "paid" and paid > 0
    if isinstance(made, dict) and made.get("status") not in {None, "succeeded"}:
        is_paid = False
    # A credit note, or whatever else settled the rest, may have done so for all of it.
    return [InvoicePayment(str(reference(made)), is_paid, paid if paid >= due else None)]


def _listed_payments(found: Plain, listed: list[Plain]) -> list[InvoicePayment]:
    """Return those made at Stripe; https://docs.stripe.com/api/invoice-payment/object."""
    is_alone = [made.get("status") for made in listed].count("paid") == 1
    # More than was asked for may have been paid, and what is above it is not told here.
    overpaid = bool(found.get("amount_overpaid"))
    payments = []
    for made in listed:
        held = made.get("payment") or {}
        payment_id = reference(held.get("payment_intent") or held.get("charge"))
        amount = made.get("amount_paid")
        if amount is None and is_alone:
            amount = found.get("amount_paid")
        if payment_id:
            is_paid = made.get("status") == "paid"
            payments.append(InvoicePayment(payment_id, is_paid, None if overpaid else amount))
    return payments
