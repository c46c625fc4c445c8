"""Deletes Checkout sessions that are over for long."""

from __future__ import annotations

from datetime import timedelta

from payments.extensions import settings
from payments.kit import clock
from payments.kit.pruning import delete_oldest
from payments.projects.models import CheckoutSession


def prune_sessions(limit: int) -> int:
    """Delete up to `limit` sessions from before SESSION_RETENTION_DAYS; return how many.

    They are over by then: Stripe lets a session live for a day at most.
    https://docs.stripe.com/api/checkout/sessions/create#create_checkout_session-expires_at
    """
    before = clock.now() - timedelta(days=settings().session_retention_days)
    return delete_oldest(CheckoutSession, CheckoutSession.created_at, before=before, limit=limit)
