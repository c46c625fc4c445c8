"""Flags the second live subscription of one end user: they pay twice, or may come to."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from itertools import groupby

import sqlalchemy as sa

from payments.kit.db import db
from payments.projects.models import Subscription
from payments.projects.models.ledger import FINAL, INCOMPLETE
from payments.projects.sync.account import Account
from payments.timeline.append import append

log = logging.getLogger(__name__)

_NOT_PAID = (*FINAL, INCOMPLETE)
FOUND, OVER = "subscription.duplicate", "subscription.duplicate_over"


def mark(account: Account, holders: dict[int, str]) -> None:
    """Flag what runs beside an older one of the same end user, and unflag what no longer does.

    `holders` are end users whose subscriptions began or ended, each with who made it happen. Every
    one that is not over counts, as it may be billed again, once its first payment has come: until
    then nobody pays twice. A second one that its Checkout allowed is none too many.
    """
    if not holders:
        return
    for user_id, rows in groupby(_running(account, holders), key=lambda row: row.user_id):
        _compare(list(rows), holders[user_id or 0])


def _running(account: Account, holders: Iterable[int]) -> Iterable[Subscription]:
    query = (
        sa.select(Subscription)
        .where(
            *account.owns(Subscription),
            Subscription.user_id.in_(sorted(holders)),
            sa.or_(Subscription.status.not_in(_NOT_PAID), Subscription.needs_attention),
        )
        .order_by(
            Subscription.user_id,
            Subscription.created_at,
            Subscription.second_allowed,
            Subscription.subscription_id,
        )
    )
    return db.session.scalars(query)


def _compare(rows: list[Subscription], actor: str) -> None:
    live = [row for row in rows if row.status not in _NOT_PAID]
    for row in rows:
        too_many = row in live[1:] and not row.second_allowed
        if row.needs_attention != too_many:
            row.needs_attention = too_many
            _tell(row, live[0].subscription_id if live else None, actor)


def _tell(row: Subscription, other: str | None, actor: str) -> None:
    append(
        FOUND if row.needs_attention else OVER,
        actor=actor,
        subject=f"subscription:{row.id}",
        project_id=row.project_id,
        stripe_id=row.subscription_id,
        mode="test" if row.is_test_mode else "live",
        beside=other,
    )
    if row.needs_attention:
        log.error("subscription %s runs beside %s of one end user", row.subscription_id, other)
