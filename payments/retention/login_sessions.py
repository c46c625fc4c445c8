"""Deletes sessions of people whose last day is over: whatever names them is refused anyway."""

from __future__ import annotations

import sqlalchemy as sa

from payments.auth.models import LoginSession
from payments.kit import clock
from payments.kit.transactions import transaction


def prune_login_sessions(limit: int) -> int:
    """Delete up to `limit` sessions past SESSION_LIFETIME_DAYS; return how many."""
    over = sa.select(LoginSession.id).where(LoginSession.expires_at < clock.now())
    batch = over.order_by(LoginSession.expires_at).limit(limit)
    with transaction() as database:
        ids = list(database.scalars(batch))
        gone = sa.delete(LoginSession).where(LoginSession.id.in_(ids))
        database.execute(gone.execution_options(synchronize_session=False))
    return len(ids)
