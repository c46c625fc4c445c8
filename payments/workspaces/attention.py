"""Ask a person to look at a charge or refund, and say when that is no longer needed."""

from __future__ import annotations

import logging

from payments.workspaces.models import Charge, Refund
from payments.workspaces.models.charges import PASSING
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
    """Say that nobody needs to look at the row any more."""
    row.needs_attention, row.attention_code = False, None
