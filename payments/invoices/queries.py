"""Look-ups of invoices, always within one workspace."""

from __future__ import annotations

import sqlalchemy as sa

from payments.invoices.models import REFUNDED, Invoice
from payments.kit.db import db


def find_invoice(workspace_id: int, invoice_id: int) -> Invoice | None:
    """Return an invoice of this workspace."""
    query = sa.select(Invoice).where(Invoice.workspace_id == workspace_id, Invoice.id == invoice_id)
    return db.session.scalars(query).one_or_none()


def find_any_invoice(invoice_id: int) -> Invoice | None:
    """Return an invoice of whichever workspace: for platform administrators and the worker."""
    return db.session.get(Invoice, invoice_id)


def list_invoices(
    workspace_id: int, *, refunded: bool, page: int, limit: int
) -> tuple[list[Invoice], int]:
    """Return one page of the workspace's invoices, the oldest first, and the count of all.

    Fully refunded ones only come along when asked for.
    """
    wanted = [Invoice.workspace_id == workspace_id]
    if not refunded:
        wanted.append(Invoice.status != REFUNDED)
    total = db.session.scalar(sa.select(sa.func.count()).select_from(Invoice).where(*wanted)) or 0
    rows = (
        sa.select(Invoice)
        .where(*wanted)
        .order_by(Invoice.id)
        .limit(limit)
        .offset((page - 1) * limit)
    )
    return list(db.session.scalars(rows)), total
