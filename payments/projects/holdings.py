"""What one end user holds in one mode of his project: a Stripe customer, a subscription."""

from __future__ import annotations

import sqlalchemy as sa

from payments.kit.db import db
from payments.projects.models import StripeCustomer, Subscription

# Paid for, on trial, or still being dunned: a second one beside it would bill twice.
CURRENT = ("active", "trialing", "past_due")


def find_customer(project_id: str, is_test_mode: bool, user_id: int) -> str | None:
    """Return the end user's customer at the project's account of this mode."""
    query = sa.select(StripeCustomer.customer_id).where(
        StripeCustomer.project_id == project_id,
        StripeCustomer.is_test_mode == is_test_mode,
        StripeCustomer.user_id == user_id,
    )
    return db.session.scalars(query).one_or_none()


def find_current_subscription(project_id: str, is_test_mode: bool, user_id: int) -> str | None:
    """Return Stripe's id of the end user's newest subscription that is not over."""
    query = (
        sa.select(Subscription.subscription_id)
        .where(
            Subscription.project_id == project_id,
            Subscription.is_test_mode == is_test_mode,
            Subscription.user_id == user_id,
            Subscription.status.in_(CURRENT),
        )
        .order_by(Subscription.created_at.desc(), Subscription.id.desc())
        .limit(1)
    )
    return db.session.scalars(query).one_or_none()
