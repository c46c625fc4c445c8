"""Ask Stripe how a dispute stands and write that: events and the daily comparison end here.

What an event says is not read beyond the ids: so no order of events matters.
"""

from __future__ import annotations

import logging

from payments.gateway.errors import Rejected
from payments.gateway.gateway import platform
from payments.gateway.results import Dispute
from payments.kit.transactions import end_read
from payments.workspaces.disputes.read import find_dispute
from payments.workspaces.disputes.record import Overtaken, record_dispute

log = logging.getLogger(__name__)

LOOKS = 3  # at one dispute, while others write its row
GONE = "resource_missing"  # https://docs.stripe.com/error-codes#resource-missing


def refresh_dispute(dispute_id: str, *, actor: str) -> bool:
    """Bring a dispute's row level with Stripe; return whether that changed anything.

    Raises the gateway's error when Stripe cannot be asked, and Overtaken when the row was written
    by others during each of a few looks.
    """
    for look in range(LOOKS):
        row = find_dispute(dispute_id)
        revision = None if row is None else row.revision
        end_read()
        found = _get(dispute_id)
        if found is None:
            return False
        try:
            return record_dispute(found, after=revision, actor=actor)
        except Overtaken:
            if look == LOOKS - 1:
                raise
    return False


def _get(dispute_id: str) -> Dispute | None:
    """Return the dispute; None when Stripe does not know it (test data that was deleted)."""
    try:
        return platform().get_dispute(dispute_id)
    except Rejected as error:
        if error.code != GONE:
            raise
        log.warning("Stripe does not know dispute %s", dispute_id)
        return None
