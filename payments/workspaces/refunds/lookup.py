"""Find a refund's own object in Stripe's list, and those that somebody else made meanwhile."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import sqlalchemy as sa

from payments.gateway.results import RefundResult
from payments.kit.db import db
from payments.workspaces.identity import is_named
from payments.workspaces.models import Refund

# Stripe tells whole seconds by its own clock: a refund that was made just after ours was asked for
# may seem to be older. To ask a person once too often costs less than to pay twice.
_SLACK = timedelta(minutes=5)


def find_own_refund(refund_id: int, listed: Iterable[RefundResult]) -> RefundResult | None:
    """Return the refund that Stripe made for our row, by its id or the names in its metadata."""
    refund = db.session.get_one(Refund, refund_id)
    return next((made for made in listed if is_refund_of(refund, made)), None)


def is_refund_of(refund: Refund, made: RefundResult) -> bool:
    """Return whether Stripe's object belongs to the row."""
    if refund.stripe_refund_id is not None:
        return refund.stripe_refund_id == made.id
    return is_named(refund, "refund", made.metadata)


def find_foreign_refund(refund_id: int) -> str | None:
    """Return the id of a refund over the same amount that was made elsewhere since we first asked.

    None when there is none.
    """
    refund = db.session.get_one(Refund, refund_id)
    query = sa.select(Refund.stripe_refund_id).where(
        Refund.charge_id == refund.charge_id,
        Refund.id != refund.id,
        Refund.requested_by.is_(None),
        Refund.amount_minor == refund.amount_minor,
        Refund.created_at >= refund.created_at - _SLACK,
    )
    return db.session.scalars(query.limit(1)).one_or_none()
