"""Reserve: a refund's row exists, and its amount is set aside, before Stripe hears of it."""

from __future__ import annotations

from payments.invoices.models import PAID, UPGRADE, Invoice
from payments.kit import money, steps
from payments.kit.db import db
from payments.kit.repeat import repeated
from payments.kit.transactions import transaction
from payments.workspaces import errors, queries
from payments.workspaces.disputes.read import check_refundable
from payments.workspaces.models import Charge, Refund
from payments.workspaces.models.charges import PENDING, SUBMITTED, SUCCEEDED
from payments.workspaces.notes import note_refund

# What counts against the invoice: asked for, taken by Stripe, or paid out.
SET_ASIDE = (PENDING, SUBMITTED, SUCCEEDED)


@repeated
def reserve(
    invoice: Invoice,
    amount_minor: int | None,
    *,
    reason: str | None,
    requested_by: int,
    request_key: str | None,
) -> int:
    """Set `amount_minor` (None: all that is left) of a paid invoice aside; return the refund's id.

    Concurrent refunds wait for each other on the workspace's lock. Raises NotRefundable,
    PaymentDisputed, RefundTooLarge or InvalidAmount.
    """
    invoice_id, workspace_id = invoice.id, invoice.workspace_id
    with transaction():
        queries.lock_workspace(workspace_id)
        repeated = queries.refund_of_request(request_key)
        if repeated is not None:
            return repeated.id  # the same request, slower than its key's lock, came here before
        invoice = db.session.get_one(Invoice, invoice_id, populate_existing=True)
        charge = _refundable(invoice)
        amount = _bounded(invoice, amount_minor)
        refund_id = _added(charge, invoice, amount, reason, requested_by, request_key).id
        steps.passed("refund.reserved")
    steps.passed("refund.committed")
    return refund_id


def _refundable(invoice: Invoice) -> Charge:
    charge = queries.charge_of_invoice(invoice.id)
    paid = invoice.status == PAID and invoice.type == UPGRADE and invoice.stripe_payment_intent_id
    if charge is None or not paid:
        raise errors.NotRefundable(f"An invoice with status {invoice.status} cannot be refunded")
    check_refundable(charge.id)
    return charge


def _bounded(invoice: Invoice, wanted: int | None) -> int:
    aside = sum(r.amount_minor for r in queries.refunds_of(invoice.id) if r.status in SET_ASIDE)
    left = invoice.amount_minor - max(aside, invoice.refunded_minor)
    if left <= 0:
        raise errors.NotRefundable("The whole invoice is refunded already")
    if wanted is not None and wanted > left:
        raise errors.RefundTooLarge
    amount = left if wanted is None else wanted
    try:
        money.check_movable(amount, invoice.currency)
    except money.NotChargeable as error:
        raise errors.InvalidAmount(f"amount: {error}") from error
    return amount


def _added(
    charge: Charge,
    invoice: Invoice,
    amount: int,
    reason: str | None,
    requested_by: int,
    request_key: str | None,
) -> Refund:
    refund = Refund(
        workspace_id=invoice.workspace_id,
        charge_id=charge.id,
        invoice_id=invoice.id,
        requested_by=requested_by,
        request_key=request_key,
        amount_minor=amount,
        currency=invoice.currency,
        reason=reason,
    )
    db.session.add(refund)
    db.session.flush()
    note_refund("reserved", refund, invoice, actor=f"user:{requested_by}")
    return refund
