"""Our rows behind what a page lists: by Stripe's ids, else by the ids in our metadata."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from payments.gateway.results import Payment, RefundResult
from payments.kit import clock
from payments.kit.db import db
from payments.kit.transactions import transaction
from payments.workspaces import queries
from payments.workspaces.models import Charge, Refund
from payments.workspaces.models.charges import PENDING
from payments.workspaces.notes import note_attention


def charges_of(payments: Iterable[Payment]) -> dict[str, Charge]:
    """Return the charge behind each PaymentIntent that is one of ours."""
    listed = list(payments)
    marks = {payment.id: mark for payment in listed if (mark := mark_of(payment.metadata))}
    ids = [charge_id for charge_id, _ in marks.values()]
    by_id = _charges(Charge.id, ids)
    found = charges_of_intents([payment.id for payment in listed])
    for intent, (charge_id, workspace_id) in marks.items():
        charge = by_id.get(charge_id)
        if charge is not None and charge.workspace_id == workspace_id:
            found.setdefault(intent, charge)
    return found


def charges_of_intents(intents: Iterable[str | None]) -> dict[str, Charge]:
    """Return the charges that are known to be paid by these PaymentIntents."""
    return _charges(Charge.stripe_payment_intent_id, [intent for intent in intents if intent])


def mark_of(metadata: dict[str, str]) -> tuple[int, int] | None:
    """Return the ids of charge and workspace that we wrote into a PaymentIntent."""
    charge_id, workspace_id = metadata.get("charge_id", ""), metadata.get("workspace_id", "")
    return (int(charge_id), int(workspace_id)) if _is_id(charge_id, workspace_id) else None


def refunds_of(results: Iterable[RefundResult], charges: dict[str, Charge]) -> dict[str, Refund]:
    """Return the row of each listed refund that has one."""
    owners = [charge.id for charge in charges.values()]
    rows = db.session.scalars(sa.select(Refund).where(Refund.charge_id.in_(owners))).all()
    by_stripe = {row.stripe_refund_id: row for row in rows if row.stripe_refund_id}
    by_id = {str(row.id): row for row in rows if row.stripe_refund_id is None}
    found = (
        (r, by_stripe.get(r.id) or by_id.get(r.metadata.get("refund_id", ""))) for r in results
    )
    return {result.id: row for result, row in found if row is not None}


def is_in_motion(row: Charge | Refund) -> bool:
    """Say whether a worker is at the row just now: what it is about to record is no drift."""
    return bool(row.status == PENDING and row.leased_until and row.leased_until > clock.now())


def flag(row: Charge | Refund, why: str, *, actor: str) -> None:
    """Ask for a person's attention to a row, once."""
    model, row_id, workspace_id = type(row), row.id, row.workspace_id
    with transaction():
        queries.lock_workspace(workspace_id)
        held: Any = db.session.get_one(model, row_id, populate_existing=True)
        if not held.needs_attention:
            held.needs_attention = True
            note_attention(held, why, actor=actor)


def _charges(column: Any, keys: list[Any]) -> dict[Any, Charge]:
    rows = db.session.scalars(sa.select(Charge).where(column.in_(keys)))
    return {getattr(row, column.key): row for row in rows}


def _is_id(*texts: str) -> bool:
    return all(text.isdecimal() and len(text) < 19 for text in texts)
