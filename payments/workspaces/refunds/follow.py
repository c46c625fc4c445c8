"""Refunds that Stripe took and has not paid out: asked about now and then, should no event come.

https://docs.stripe.com/refunds#see-also: a refund may stay pending for days, and fail for weeks.
"""

from __future__ import annotations

import logging

from payments.gateway.errors import GatewayError, Rejected
from payments.gateway.gateway import platform
from payments.kit import leases
from payments.kit.db import db
from payments.kit.transactions import transaction
from payments.workspaces.attention import flag_row
from payments.workspaces.models import Refund
from payments.workspaces.models.charges import NOT_AT_STRIPE, SUBMITTED
from payments.workspaces.refunds.record import record_refund_result

log = logging.getLogger(__name__)

# A bounded batch a sweep, which comes every minute.
BATCH = 50
LEASE_SECONDS = 60
# The waits double from a minute on, up to an hour: as many doublings of two seconds come before.
_DOUBLINGS = 5


def look_at_submitted() -> int:
    """Ask Stripe about refunds that are due for it; return how many were asked about."""
    due = leases.due(Refund, (SUBMITTED,), limit=BATCH)
    db.session.rollback()
    for asked, refund_id in enumerate(due):
        if not _look(refund_id):
            return asked
    return len(due)


def _look(refund_id: int) -> bool:
    """Record how a refund is; False when the account cannot be asked at all just now."""
    stripe_id = _claimed(refund_id)
    if stripe_id is None:
        return True
    try:
        result = platform().get_refund(stripe_id)
    except GatewayError as error:
        log.warning("refund %s will be asked about later: %s", refund_id, error.code)
        if isinstance(error, Rejected) and error.is_missing:
            _flag_missing(refund_id, stripe_id)
        _later(refund_id)
        return isinstance(error, Rejected)
    record_refund_result(refund_id, result, actor="sweep")
    _later(refund_id)
    return True


def _flag_missing(refund_id: int, stripe_id: str) -> None:
    with transaction():
        refund = db.session.get_one(Refund, refund_id, with_for_update=True)
        flag_row(refund, NOT_AT_STRIPE, f"Stripe does not know {stripe_id}", actor="sweep")


def _claimed(refund_id: int) -> str | None:
    with transaction():
        fence = leases.claim(Refund, refund_id, (SUBMITTED,), seconds=LEASE_SECONDS)
        return None if fence is None else db.session.get_one(Refund, refund_id).stripe_refund_id


def _later(refund_id: int) -> None:
    """Let a refund that is still on its way come back after a while."""
    with transaction():
        refund = db.session.get_one(Refund, refund_id)
        if refund.status == SUBMITTED:
            leases.release(refund, due_in=leases.backoff(refund.tries + _DOUBLINGS))
