"""Counts a ledger's rows anew: the counters beside them must say the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from payments.kit.db import db
from payments.kit.transactions import end_read, transaction
from payments.projects.models import Payment, ProjectTotals, Subscription
from payments.projects.models.ledger import ACTIVE
from payments.projects.reconcile.account import Job
from payments.projects.sync.account import Account
from payments.projects.sync.book import Book
from payments.projects.sync.contribution import SUCCEEDED, Counts
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
            for name, value in vars(_counted(job.account)).items():
                setattr(totals, name, value)
        found = [replace(each, fixed=True) for each in found]
    tally.found(found)


def _differences(account: Account) -> list[Difference]:
    held = db.session.scalars(sa.select(ProjectTotals).where(*account.owns(ProjectTotals))).first()
    counted, where = _counted(account), f"{account.project_id}:{account.mode}"
    if held is None:
        held = ProjectTotals(**dict.fromkeys(vars(counted), 0))
    return [
        Difference("totals", where, name, str(getattr(held, name)), str(value))
        for name, value in vars(counted).items()
        if getattr(held, name) != value
    ]


def _counted(account: Account) -> Counts:
    """Add up what `contribution` gives each row, in two queries."""
    plans, active = _read(
        account, Subscription, sa.func.count(), _sum(Subscription.status.in_(ACTIVE), 1)
    )
    paid = Payment.status == SUCCEEDED
    payments, succeeded, revenue = _read(
        account, Payment, sa.func.count(), _sum(paid, 1), _sum(paid, Payment.amount_cents)
    )
    return Counts(plans, active, payments, succeeded, revenue)


def _sum(which: Any, value: Any) -> Any:
    return sa.func.coalesce(sa.func.sum(sa.case((which, value), else_=0)), 0)


def _read(account: Account, model: Any, *sums: Any) -> tuple[int, ...]:
    row = db.session.execute(sa.select(*sums).select_from(model).where(*account.owns(model))).one()
    return tuple(int(value) for value in row)
