"""Look-ups of disputes: by Stripe's id, for invoices that are shown, and for operators."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import joinedload
from sqlalchemy.orm.attributes import set_committed_value

from payments.invoices.models import Invoice
from payments.kit.db import db
from payments.workspaces import errors
from payments.workspaces.models import Dispute
from payments.workspaces.models.disputes import WARNING_CLOSED, WON


def find_dispute(stripe_dispute_id: str) -> Dispute | None:
    """Return the row of a dispute of Stripe's as the database has it now."""
    query = sa.select(Dispute).where(Dispute.stripe_dispute_id == stripe_dispute_id)
    return db.session.scalars(query.execution_options(populate_existing=True)).one_or_none()


def find_disputes(stripe_dispute_ids: Iterable[str]) -> dict[str, Dispute]:
    """Return the rows of these disputes, by Stripe's id."""
    query = sa.select(Dispute).where(Dispute.stripe_dispute_id.in_(list(stripe_dispute_ids)))
    return {row.stripe_dispute_id: row for row in db.session.scalars(query)}


def load_disputes(invoices: Sequence[Invoice]) -> None:
    """Read the disputes of all these invoices at once, for whoever shows them next."""
    ids = [invoice.id for invoice in invoices]
    found: defaultdict[int, list[Dispute]] = defaultdict(list)
    for row in db.session.scalars(sa.select(Dispute).where(Dispute.invoice_id.in_(ids))):
        found[row.invoice_id].append(row)
    for invoice in invoices:
        set_committed_value(invoice, "disputes", found[invoice.id])


def choose_dispute(disputes: Iterable[Dispute]) -> Dispute | None:
    """Return the dispute to show of a payment: what is open first, chargebacks first, the newest.

    A bank may open several disputes of one payment.
    """
    return max(
        disputes,
        key=lambda row: (row.is_open, not row.is_inquiry, row.created_at, row.id),
        default=None,
    )


def list_disputes(*, closed: bool = False) -> list[Dispute]:
    """Return open disputes, or all with `closed`; the earliest deadline first, none last."""
    query = sa.select(Dispute).options(joinedload(Dispute.invoice))
    if not closed:
        query = query.where(Dispute.closed_at.is_(None))
    due = Dispute.response_due_at
    return list(db.session.scalars(query.order_by(due.is_(None), due, Dispute.id)))


def check_refundable(charge_id: int) -> None:
    """Raise PaymentDisputed when Stripe would refuse a refund because of a dispute.

    An inquiry's payment can be refunded, and often should be; what the bank has taken back cannot
    be given back once more. https://docs.stripe.com/api/disputes/object (is_charge_refundable)
    """
    let_go = (WON, WARNING_CLOSED)
    query = sa.select(Dispute).where(
        Dispute.charge_id == charge_id,
        Dispute.is_charge_refundable.is_(False),
        Dispute.status.not_in(let_go),
    )
    dispute = db.session.scalars(query.limit(1)).first()
    if dispute is not None:
        details = {"disputeId": dispute.stripe_dispute_id, "status": dispute.status}
        raise errors.PaymentDisputed(details=details)
