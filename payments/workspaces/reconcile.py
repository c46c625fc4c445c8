"""Work that no message woke: rows whose time has come, and charges nobody came back for.

After an outage thousands of rows are due at once. They stay in the database, and the queues are
filled up only as far as workers soon get to it, the workspaces taking turns.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from payments import jobs
from payments.gateway import traffic
from payments.invoices.documents import WAITING
from payments.invoices.models import Invoice, InvoiceDocument
from payments.kit import leases
from payments.kit.db import db
from payments.workspaces.charges.action import expire
from payments.workspaces.models import Charge, Refund
from payments.workspaces.models.charges import PENDING, REQUIRES_ACTION

BATCH = 100  # charges that are expired in one go
# Of what is due only so many of a kind are looked at, the longest waiting.
_WINDOW = 20_000
_ID = {
    jobs.RUN_CHARGE: "charge_id",
    jobs.RUN_REFUND: "refund_id",
    jobs.RENDER_INVOICE: "invoice_id",
}


def wake_due() -> int:
    """Send tasks for charges, refunds and PDFs that are due and held by nobody; return how many.

    This finishes what a dead process left open, and what was reserved while Redis was down.
    """
    moved = sa.union_all(_money(jobs.RUN_CHARGE, Charge), _money(jobs.RUN_REFUND, Refund))
    return _woken(jobs.CHARGES, moved) + _woken(jobs.DOCUMENTS, _documents())


def _woken(queue: str, due: sa.CompoundSelect[Any] | sa.Select[Any]) -> int:
    """Fill the queue up; the rows that come first are the ones that it holds already."""
    queued = jobs.queued(queue)
    room = jobs.SWEPT - queued
    if room <= 0:
        return 0
    chosen = db.session.execute(_in_turns(due).offset(queued).limit(room)).all()
    db.session.rollback()
    return sum(jobs.enqueue(task, **{_ID[task]: row_id}) for task, row_id in chosen)


def _in_turns(due: sa.CompoundSelect[Any] | sa.Select[Any]) -> sa.Select[Any]:
    """Order what is due so that each workspace's first comes before anybody's second."""
    rows = due.subquery()
    turn = sa.func.row_number().over(
        partition_by=rows.c.workspace_id, order_by=(rows.c.due_at, rows.c.id)
    )
    ranked = sa.select(rows, turn.label("turn")).subquery()
    query = sa.select(ranked.c.task, ranked.c.id)
    return query.order_by(ranked.c.turn, ranked.c.due_at, ranked.c.task, ranked.c.id)


def _money(task: str, model: type[Charge | Refund]) -> sa.Select[Any]:
    query = _longest_waiting(task, model, model.id, model.workspace_id, model.due_at)
    # As a subquery: on SQLite no part of a union may have a bound of its own.
    return query.where(model.status == PENDING).subquery().select()


def _documents() -> sa.Select[Any]:
    columns = (Invoice.id, Invoice.workspace_id, InvoiceDocument.due_at)
    query = _longest_waiting(jobs.RENDER_INVOICE, InvoiceDocument, *columns)
    query = query.join(Invoice, Invoice.id == InvoiceDocument.invoice_id)
    return query.where(InvoiceDocument.state.in_(WAITING))


def _longest_waiting(task: str, model: Any, *columns: Any) -> sa.Select[Any]:
    query = sa.select(sa.literal(task).label("task"), *columns)
    return query.select_from(model).where(leases.free(model)).order_by(model.due_at).limit(_WINDOW)


def expire_unauthenticated() -> int:
    """Cancel charges whose holder did not authenticate within a day; return how many were due."""
    abandoned = leases.due(Charge, (REQUIRES_ACTION,), limit=BATCH)
    db.session.rollback()
    with traffic.background():
        for charge_id in abandoned:
            expire(charge_id)
    return len(abandoned)
