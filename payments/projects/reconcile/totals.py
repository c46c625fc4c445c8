"""Counts a ledger's rows anew: the counters beside them must say the same."""

from __future__ import annotations

from dataclasses import replace

import sqlalchemy as sa

from payments.kit.db import db
from payments.kit.transactions import end_read, transaction
from payments.projects.models import Payment, ProjectRevenue, ProjectTotals, Subscription
from payments.projects.models.ledger import ACTIVE
from payments.projects.reconcile.account import Job
from payments.projects.sync.account import Account
from payments.projects.sync.book import Book
from payments.projects.sync.contribution import (
    KEPT,
    NOTHING,
    SUCCEEDED,
    Counts,
    Revenue,
    move_revenue,
    move_totals,
)
from payments.runs.slices import Difference
from payments.runs.walk import Place, Tally


def recount(job: Job, _place: Place, tally: Tally) -> None:
    """Compare the counters with the rows' sums, and set them right."""
    found = _differences(job.account)
    end_read()
    if found and not job.dry_run:
        with transaction():
            # Whoever moves rows and counters holds the book: now nobody does.
            totals, found = Book(job.account).totals, _differences(job.account)
            off = count_rows(job.account) - read_counters(job.account)
            move_totals(totals, off)
            move_revenue(job.account, totals.owner_id, off.revenue)
        found = [replace(each, fixed=True) for each in found]
    tally.found(found)


def read_counters(account: Account) -> Counts:
    """Return the counters of an account as they stand, not what its rows add up to."""
    totals = db.session.scalars(
        sa.select(ProjectTotals).where(*account.owns(ProjectTotals))
    ).first()
    if totals is None:
        return NOTHING
    rows = db.session.scalars(sa.select(ProjectRevenue).where(*account.owns(ProjectRevenue)))
    return Counts(
        totals.subscriptions,
        totals.active_subscriptions,
        totals.payments,
        {row.currency: Revenue(row.successful_payments, row.revenue_cents) for row in rows},
    )


def count_rows(account: Account) -> Counts:
    """Add up what `contribution` gives each row, in three queries."""
    active = sa.case((Subscription.status.in_(ACTIVE), 1), else_=0)
    plans = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(active), 0))
    payments = sa.select(sa.func.count()).select_from(Payment).where(*account.owns(Payment))
    subscriptions, active_ones = db.session.execute(
        plans.select_from(Subscription).where(*account.owns(Subscription))
    ).one()
    return Counts(
        int(subscriptions),
        int(active_ones),
        int(db.session.scalar(payments) or 0),
        _counted_revenue(account),
    )


def _differences(account: Account) -> list[Difference]:
    held, counted = read_counters(account), count_rows(account)
    ours, theirs = _named(held), _named(counted)
    where = f"{account.project_id}:{account.mode}"
    return [
        Difference("totals", where, name, str(ours.get(name, 0)), str(theirs.get(name, 0)))
        for name in {**ours, **theirs}
        if ours.get(name, 0) != theirs.get(name, 0)
    ]


def _named(counts: Counts) -> dict[str, int]:
    """Return every counter by the name that a difference of it is told under."""
    named = counts.totals
    for currency, part in counts.revenue.items():
        named[f"successful_payments.{currency}"] = part.successful_payments
        named[f"revenue_cents.{currency}"] = part.cents
    return named


def _counted_revenue(account: Account) -> dict[str, Revenue]:
    succeeded = sa.case((Payment.status == SUCCEEDED, 1), else_=0)
    query = (
        sa.select(
            Payment.currency,
            sa.func.sum(succeeded),
            sa.func.sum(Payment.amount_cents - Payment.refunded_amount_cents),
        )
        .where(*account.owns(Payment), Payment.status.in_(KEPT))
        .group_by(Payment.currency)
    )
    return {
        currency: Revenue(int(number), int(cents))
        for currency, number, cents in db.session.execute(query)
    }
