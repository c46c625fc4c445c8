"""Whose an object is: what our Checkout wrote into it, else the end user with that customer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from payments.auth.models import END_USER, User
from payments.kit.db import db
from payments.kit.inserts import inserted
from payments.projects.models import Payment, StripeCustomer, Subscription
from payments.projects.sync.account import Account


class People:
    """The end users and customers of one account, read once a unit of work."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._users: dict[str, int | None] = {}
        self._customers: dict[str, int | None] = {}
        # Who was given rows that had no owner, and by whom: it was the ledger itself.
        self.adopted: dict[int, str] = {}

    def load(self, users: Iterable[str | None], customers: Iterable[str | None]) -> None:
        """Read all of these at once."""
        named = {user for user in users if user and _plausible(user)} - self._users.keys()
        if named:
            query = sa.select(User.uuid, User.id).where(
                User.project_id == self._account.project_id,
                User.kind == END_USER,
                User.uuid.in_(sorted(named)),
            )
            self._users.update(dict.fromkeys(named))
            self._users.update(dict(db.session.execute(query).all()))
        held = {customer for customer in customers if customer} - self._customers.keys()
        if held:
            known = self._holders(StripeCustomer.customer_id.in_(sorted(held)))
            self._customers.update({**dict.fromkeys(held), **known})

    def named(self, user: str | None) -> int | None:
        """Return the id of the project's end user of that uuid: metadata may name anybody."""
        if not user or not _plausible(user):
            return None
        self.load([user], [])
        return self._users[user]

    def of_customer(self, customer: str | None) -> int | None:
        """Return the id of the end user whose customer it is."""
        if not customer:
            return None
        self.load([], [customer])
        return self._customers[customer]

    def link(self, customer: str | None, user_id: int | None) -> None:
        """Learn whose customer it is, and give him the rows that came before this was known."""
        if not customer or user_id is None or self.of_customer(customer) is not None:
            return
        self._customers[customer] = user_id
        row = {**self._account.__dict__, "user_id": user_id, "customer_id": customer}
        if not self._holders(StripeCustomer.user_id == user_id):
            inserted(StripeCustomer(**row))
        db.session.flush()
        for model in (Subscription, Payment):
            self._adopt(model, customer, user_id)
        self.adopted[user_id] = "ledger"

    def _holders(self, *where: Any) -> dict[str, int]:
        query = sa.select(StripeCustomer.customer_id, StripeCustomer.user_id).where(
            *self._account.owns(StripeCustomer), *where
        )
        return dict(db.session.execute(query).all())

    def _adopt(self, model: Any, customer: str, user_id: int) -> None:
        ownerless = sa.update(model).where(
            *self._account.owns(model), model.user_id.is_(None), model.customer_id == customer
        )
        db.session.execute(ownerless.values(user_id=user_id))


def _plausible(user: str) -> bool:
    return len(user) <= 36 and user.isprintable()
