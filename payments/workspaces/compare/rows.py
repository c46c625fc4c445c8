"""Our rows behind what a page lists: by Stripe's ids, else by the names in our metadata."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from payments.gateway.results import Payment, RefundResult
from payments.installation.names import is_own_metadata
from payments.kit import leases
from payments.kit.db import db
from payments.kit.transactions import transaction
from payments.workspaces import queries
from payments.workspaces.attention import flag_row
from payments.workspaces.models import Charge, Refund
from payments.workspaces.models.charges import PENDING
from payments.workspaces.refunds.lookup import is_refund_of


def find_charges(payments: Iterable[Payment]) -> dict[str, Charge]:
    """Return the charge behind each PaymentIntent that says it is one of ours.

    Whether its facts are the charge's is for the caller to compare.
    """
    listed = list(payments)
    found = charges_of_intents([payment.id for payment in listed])
    left = [payment for payment in listed if payment.id not in found]
    names = {p.id: p.metadata.get("charge", "") for p in left if is_own_metadata(p.metadata)}
    named = _charges(Charge.reference, [name for name in names.values() if name])
    found |= {intent: named[name] for intent, name in names.items() if name in named}
    for payment in left:
        charge = queries.find_legacy_charge(payment.metadata.get("charge_id", ""))
        if charge is not None and payment.id not in names:
            found[payment.id] = charge
    return found


def charges_of_intents(intents: Iterable[str | None]) -> dict[str, Charge]:
    """Return the charges that are known to be paid by these PaymentIntents."""
    return _charges(Charge.stripe_payment_intent_id, [intent for intent in intents if intent])


def refunds_of(results: Iterable[RefundResult], charges: dict[str, Charge]) -> dict[str, Refund]:
    """Return the row of each listed refund that has one."""
    owners = [charge.id for charge in charges.values()]
    rows = db.session.scalars(sa.select(Refund).where(Refund.charge_id.in_(owners))).all()
    found = (
        (made.id, next((row for row in rows if is_refund_of(row, made)), None)) for made in results
    )
    return {stripe_id: row for stripe_id, row in found if row is not None}


def is_in_motion(row: Charge | Refund) -> bool:
    """Say whether a worker is at the row just now: what it is about to record is no drift."""
    model: Any = type(row)
    held = sa.select(model.id).where(
        model.id == row.id, model.status == PENDING, model.leased_until > leases.moment_in()
    )
    return db.session.scalar(held) is not None


def flag(row: Charge | Refund, code: str, why: str, *, actor: str) -> None:
    """Ask for a person's attention to a row, once."""
    model, row_id, workspace_id = type(row), row.id, row.workspace_id
    with transaction():
        queries.lock_workspace(workspace_id)
        held: Any = db.session.get_one(model, row_id, populate_existing=True)
        flag_row(held, code, why, actor=actor)


def _charges(column: Any, keys: list[Any]) -> dict[Any, Charge]:
    rows = db.session.scalars(sa.select(Charge).where(column.in_(keys)))
    return {getattr(row, column.key): row for row in rows}
