"""What one end user holds in one mode of their project: a Stripe customer, subscriptions."""

from __future__ import annotations

import sqlalchemy as sa

from payments.kit.db import db
from payments.projects.models import StripeCustomer, Subscription
from payments.projects.models.ledger import FINAL

# Paid for, on trial, or still being dunned: what an end user is shown as theirs.
CURRENT = ("active", "trialing", "past_due")


def find_customer(project_id: str, is_test_mode: bool, user_id: int) -> str | None:
    """Return the end user's customer at the project's account of this mode."""
    query = sa.select(StripeCustomer.customer_id).where(
        StripeCustomer.project_id == project_id,
        StripeCustomer.is_test_mode == is_test_mode,
        StripeCustomer.user_id == user_id,
    )
    return db.session.scalars(query).one_or_none()


def find_subscription(project_id: str, is_test_mode: bool, user_id: int) -> str | None:
    """Return Stripe's id of the end user's subscription that is not over: the newest, those that
    are paid for, on trial or past due before the others."""
    query = _not_over(project_id, is_test_mode, user_id).order_by(
        Subscription.status.in_(CURRENT).desc(),
        Subscription.created_at.desc(),
        Subscription.id.desc(),
    )
    return db.session.scalars(query.limit(1)).one_or_none()


def list_subscriptions(project_id: str, is_test_mode: bool, user_id: int) -> list[str]:
    """Return Stripe's ids of all subscriptions of the end user that are not over."""
    return list(db.session.scalars(_not_over(project_id, is_test_mode, user_id)))


def has_had_trial(project_id: str, is_test_mode: bool, user_id: int) -> bool:
    """Return whether a subscription of the end user ever had a trial in this mode."""
    query = sa.select(Subscription.id).where(
        Subscription.project_id == project_id,
        Subscription.is_test_mode == is_test_mode,
        Subscription.user_id == user_id,
        Subscription.had_trial,
    )
    return db.session.scalars(query.limit(1)).one_or_none() is not None


def _not_over(project_id: str, is_test_mode: bool, user_id: int) -> sa.Select[str]:
    return sa.select(Subscription.subscription_id).where(
        Subscription.project_id == project_id,
        Subscription.is_test_mode == is_test_mode,
        Subscription.user_id == user_id,
        Subscription.status.not_in(FINAL),
    )
