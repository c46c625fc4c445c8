"""Record: the only place that writes a dispute, and the flag that it puts on its charge."""

from __future__ import annotations

import logging
from typing import Any

from payments.gateway import results
from payments.kit import clock
from payments.kit.db import db
from payments.kit.repeat import repeated
from payments.kit.transactions import transaction
from payments.workspaces import queries
from payments.workspaces.attention import clear_flag, flag_row
from payments.workspaces.disputes.read import find_dispute
from payments.workspaces.disputes.states import can_follow, is_inquiry, name_changes
from payments.workspaces.models import Charge, Dispute
from payments.workspaces.models.charges import DISPUTED
from payments.workspaces.models.disputes import FINAL, LOST
from payments.workspaces.notes import note_dispute

log = logging.getLogger(__name__)


class Overtaken(Exception):
    """Somebody wrote the dispute after Stripe was asked: our answer may be the older one."""


def read_values(found: results.Dispute) -> dict[str, Any]:
    """Return what Stripe says of a dispute, by the names of our columns."""
    due = None if found.due_by is None else clock.from_timestamp(found.due_by)
    return {
        "status": found.status,
        "reason": found.reason,
        "amount_minor": found.amount,
        "currency": found.currency,
        "is_inquiry": is_inquiry(found.status),
        "is_charge_refundable": found.is_charge_refundable,
        "is_withdrawn": found.is_withdrawn,
        "response_due_at": due,
    }


def find_changes(row: Dispute, found: results.Dispute) -> dict[str, tuple[Any, Any]]:
    """Return the columns in which a row and Stripe differ: ours and theirs."""
    pairs = {name: (getattr(row, name), theirs) for name, theirs in read_values(found).items()}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


@repeated
def record_dispute(found: results.Dispute, *, after: int | None, actor: str) -> bool:
    """Write what Stripe said of a dispute; return whether that changed anything.

    The dispute belongs to the charge whose own PaymentIntent is disputed; one of an unknown
    PaymentIntent is not ours. `after` is the row's revision before Stripe was asked (None: no
    row). Raises Overtaken when the row has moved on since.
    """
    with transaction():
        charge = _lock_charge(found.payment_intent)
        if charge is None:
            return False
        row = find_dispute(found.id)
        if (row.revision if row else None) != after:
            raise Overtaken(found.id)
        return _add(charge, found, actor) if row is None else _update(row, charge, found, actor)


def _lock_charge(intent: str | None) -> Charge | None:
    """Lock the workspace, then the charge: everybody takes locks in this order."""
    known = None if intent is None else queries.charge_of_payment(intent)
    if known is None:
        return None
    queries.lock_workspace(known.workspace_id)
    return db.session.get_one(Charge, known.id, populate_existing=True, with_for_update=True)


def _add(charge: Charge, found: results.Dispute, actor: str) -> bool:
    row = Dispute(
        stripe_dispute_id=found.id,
        workspace_id=charge.workspace_id,
        charge_id=charge.id,
        invoice_id=charge.invoice_id,
        created_at=clock.from_timestamp(found.created),
        **read_values(found),
    )
    db.session.add(row)
    _close_or_open(row)
    db.session.flush()
    _tell(row, None, [], actor)
    _flag(row, charge, actor)
    return True


def _update(row: Dispute, charge: Charge, found: results.Dispute, actor: str) -> bool:
    changes = find_changes(row, found)
    if not changes:
        return False
    if not can_follow(row.status, found.status):
        log.error("dispute %s is %s here and %s at Stripe", found.id, row.status, found.status)
        return False
    former = row.status
    for name, (_, theirs) in changes.items():
        setattr(row, name, theirs)
    row.revision += 1
    _close_or_open(row)
    _tell(row, former, sorted(changes), actor)
    _flag(row, charge, actor)
    return True


def _close_or_open(row: Dispute) -> None:
    if row.status not in FINAL:
        row.closed_at = None
    elif row.closed_at is None:
        row.closed_at = clock.now()


def _tell(row: Dispute, former: str | None, changed: list[str], actor: str) -> None:
    for kind in name_changes(former, row.status):
        fields = changed if kind == "updated" else None
        note_dispute(kind, row, actor=actor, fields=fields)
    if row.status == LOST != former:
        log.error("dispute %s of charge %s is lost", row.stripe_dispute_id, row.charge_id)


def _flag(row: Dispute, charge: Charge, actor: str) -> None:
    """Ask for a person while a chargeback is open; an inquiry takes nothing and asks for none."""
    if row.is_open and not row.is_inquiry:
        reason = f"its payment is disputed ({row.stripe_dispute_id})"
        flag_row(charge, DISPUTED, reason, actor=actor)
    elif charge.attention_code == DISPUTED:
        clear_flag(charge)  # another open chargeback keeps it
