"""Refund an invoice, in whole or in part, and wait a while for Stripe's answer."""

from __future__ import annotations

from decimal import Decimal

from payments import jobs
from payments.auth.models import User
from payments.invoices.models import Invoice
from payments.invoices.queries import find_any_invoice
from payments.kit import money, steps
from payments.kit.http import parse_id
from payments.workspaces import errors, queries, waiting
from payments.workspaces.models import Refund
from payments.workspaces.refunds.reserve import reserve

_MOST_DIGITS = 15


def refund_invoice(
    user: User,
    raw_id: str,
    amount: Decimal | None,
    *,
    reason: str | None,
    wait: bool,
    request_key: str | None,
) -> Refund:
    """Give back `amount` in major units (None: all that is left); the refund may still be pending.

    Raises InvalidInvoiceId, InvoiceNotFound, NotRefundable, PaymentDisputed, RefundTooLarge
    or InvalidAmount.
    """
    invoice, user_id = get_any_invoice(raw_id), user.id
    repeated = queries.refund_of_request(request_key)
    if repeated is not None:
        return _driven(repeated.id, wait=wait)
    minor = None if amount is None else _minor(amount, invoice.currency)
    refund_id = reserve(
        invoice, minor, reason=reason, requested_by=user_id, request_key=request_key
    )
    return _driven(refund_id, wait=wait)


def get_any_invoice(raw_id: str) -> Invoice:
    """Return an invoice of whichever workspace by the id of a path."""
    invoice_id = parse_id(raw_id)
    if invoice_id is None:
        raise errors.InvalidInvoiceId
    invoice = find_any_invoice(invoice_id)
    if invoice is None:
        raise errors.InvoiceNotFound
    return invoice


def _minor(amount: Decimal, currency: str) -> int:
    if amount.adjusted() > _MOST_DIGITS:  # 1e999999 is a number, and no one's money
        raise errors.RefundTooLarge
    try:
        minor = money.to_minor(amount, currency)
    except money.NotMoney as error:
        raise errors.InvalidAmount(f"amount: {error}") from error
    if minor <= 0:
        raise errors.InvalidAmount("amount: Must be greater than 0.")
    return minor


def _driven(refund_id: int, *, wait: bool) -> Refund:
    def start() -> bool:
        sent = jobs.enqueue(jobs.RUN_REFUND, refund_id=refund_id)
        steps.passed("refund.enqueued")
        return sent

    return waiting.follow(Refund, refund_id, start, wait=wait)
