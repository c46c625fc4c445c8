"""Which Stripe accounts there are: the platform's, and each mode of a project that has a key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import sqlalchemy as sa

from payments.extensions import settings
from payments.kit.db import db
from payments.projects.models import Project, StripeConfig, StripeCredentials
from payments.webhooks.models import PLATFORM

_PAGE = 500


class Account(NamedTuple):
    """One side of one owner: what a run compares."""

    owner: str
    mode: str


def platform() -> Account | None:
    """Return our own account, in the mode that its key says; None without a key."""
    key = settings().stripe_secret_key
    return None if not key else Account(PLATFORM, "live" if "_live_" in key else "test")


def of_project(project_id: str) -> list[Account]:
    """Return the sides of a project that can be compared."""
    table = known()
    query = sa.select(table.c.owner, table.c.mode).where(table.c.owner == project_id)
    return read(query.order_by(table.c.mode.desc()))


def every() -> Iterator[Account]:
    """Return all accounts, read a page at a time; no transaction is open in between."""
    table, last = known(), ("", "")
    name = sa.tuple_(table.c.owner, table.c.mode)
    query = sa.select(table.c.owner, table.c.mode).order_by(table.c.owner, table.c.mode)
    while found := read(query.where(name > sa.tuple_(*last)).limit(_PAGE)):
        db.session.rollback()
        yield from found
        last = found[-1]


def known() -> sa.Subquery:
    """Select every account as `owner`, `mode`, and when its keys were stored."""
    projects = (
        sa.select(
            StripeCredentials.project_id.label("owner"),
            StripeCredentials.mode.label("mode"),
            StripeCredentials.configured_at.label("configured_at"),
        )
        .join(StripeConfig, StripeConfig.project_id == StripeCredentials.project_id)
        .join(Project, Project.id == StripeCredentials.project_id)
        .where(StripeConfig.is_active, Project.is_active, StripeCredentials.secret_key.is_not(None))
    )
    ours = platform()
    if ours is None:
        return projects.subquery("accounts")
    row = sa.select(*map(sa.literal, ours), sa.cast(None, StripeCredentials.configured_at.type))
    return sa.union_all(projects, row).subquery("accounts")


def read(query: sa.Select[Any]) -> list[Account]:
    """Return the accounts that a query selects."""
    return [Account(*row) for row in db.session.execute(query)]
