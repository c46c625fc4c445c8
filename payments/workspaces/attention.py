"""Ask a person to look at a charge or refund, and say when that is no longer needed."""

from __future__ import annotations

import logging

import sqlalchemy as sa

from payments.kit.db import db
from payments.workspaces.models import Charge, Dispute, Refund, StripeAnomaly
from payments.workspaces.models.anomalies import DUPLICATE
from payments.workspaces.models.charges import DISPUTED, FACTS_DISAGREE, PAID_TWICE, PASSING
from payments.workspaces.notes import note_attention

log = logging.getLogger(__name__)


def flag_row(row: Charge | Refund, code: str, reason: str, *, actor: str) -> None:
    """Mark a row that is locked by the caller's transaction, tell the timeline and log an error.

    A row that is flagged already keeps its first reason, unless that one passes by itself and the
    new one does not.
    """
    if row.needs_attention and (row.attention_code not in PASSING or code in PASSING):
        return
    row.needs_attention, row.attention_code = True, code
    log.error("%s %s needs attention: %s", row.__tablename__, row.id, reason)
    note_attention(row, reason, actor=actor)


def clear_passing_flag(row: Charge | Refund) -> None:
    """Take back a flag that said no more than that the outcome was not known."""
    if row.attention_code in PASSING:
        clear_flag(row)


def clear_flag(row: Charge | Refund) -> None:
    """Say that nobody needs to look at the row any more, unless for another reason that is open.

    A row shows one reason at a time: an open chargeback, or a payment that settles nothing, comes
    to the front when the one before it is over.
    """
    code = _find_open_reason(row) if isinstance(row, Charge) else None
    row.needs_attention, row.attention_code = code is not None, code


def _find_open_reason(charge: Charge) -> str | None:
    disputed = sa.select(Dispute.id).where(
        Dispute.charge_id == charge.id,
        Dispute.closed_at.is_(None),
        Dispute.is_inquiry.is_(False),
    )
    stored = sa.select(StripeAnomaly.kind).where(
        StripeAnomaly.charge_id == charge.id, StripeAnomaly.resolved_at.is_(None)
    )
    if db.session.scalar(disputed.limit(1)) is not None:
        return DISPUTED
    kind = db.session.scalar(stored.order_by(StripeAnomaly.id).limit(1))
    return None if kind is None else PAID_TWICE if kind == DUPLICATE else FACTS_DISAGREE
