"""Whose an object without a mark is, where several projects of one developer use one account.

Stripe shows it to all of them. It belongs to the project that knows its customer, or that has
written it down already, so that one developer's figures never count a payment twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from payments.gateway.billing_results import Plain, reference
from payments.kit.db import db
from payments.projects.models import Payment, Project, StripeCustomer, Subscription
from payments.projects.sync import shapes
from payments.projects.sync.account import Account


@dataclass(frozen=True)
class Names:
    """The ids by which the rows of a project may know an object."""

    customer: str | None = None
    subscription: str | None = None
    payments: Sequence[str] = ()


def read_names(found: Plain) -> Names:
    """Return the ids that an event's object is known by."""
    kind, own = found.get("object"), reference(found.get("id"))
    payment = own if kind == "payment_intent" else reference(found.get("payment_intent"))
    return Names(
        customer=reference(found.get("customer")),
        subscription=own if kind == "subscription" else shapes.invoice_subscription(found),
        payments=(payment,) if payment else (),
    )


def is_claimed_elsewhere(account: Account, names: Names) -> bool:
    """Return whether another project of the same developer knows the object, and this one not."""
    others = _other_projects(account)
    mode = account.is_test_mode

    def owned_by_others(model: Any) -> tuple[Any, ...]:
        return model.project_id.in_(others), model.is_test_mode == mode

    ours = sa.or_(sa.false(), *_knows(names, account.owns))
    theirs = sa.or_(sa.false(), *_knows(names, owned_by_others))
    return bool(db.session.scalar(sa.select(sa.and_(theirs, sa.not_(ours)))))


def _knows(names: Names, owned: Any) -> Iterator[sa.ColumnElement[bool]]:
    """Yield a condition for each kind of row that may bear one of the names."""
    if names.customer:
        named = StripeCustomer.customer_id == names.customer
        yield sa.exists().where(*owned(StripeCustomer), named)
    if names.subscription:
        named = Subscription.subscription_id == names.subscription
        yield sa.exists().where(*owned(Subscription), named)
    if names.payments:
        named = Payment.payment_intent_id.in_(names.payments)
        yield sa.exists().where(*owned(Payment), named)


def _other_projects(account: Account) -> sa.Select[str]:
    owner = sa.select(Project.owner_id).where(Project.id == account.project_id).scalar_subquery()
    return sa.select(Project.id).where(Project.owner_id == owner, Project.id != account.project_id)
