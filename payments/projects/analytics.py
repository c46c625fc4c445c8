"""Lists and figures of the money in projects, read from indexes and from counters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from payments.auth.models import User
from payments.kit.db import db
from payments.projects.holdings import CURRENT
from payments.projects.models import (
    Payment,
    Project,
    ProjectRevenue,
    ProjectTotals,
    StripeConfig,
    StripeCredentials,
    Subscription,
)
from payments.projects.models.configs import LIVE, TEST
from payments.projects.models.ledger import FINAL

Row = sa.Row[Any]
Ledger = type[Subscription] | type[Payment]

# Named where there is no payment to name one: https://docs.stripe.com/currencies
DEFAULT_CURRENCY = "usd"
# Beyond this no table has rows, and no database takes the offset.
_LARGEST_OFFSET = 2**62


@dataclass(frozen=True)
class Scope:
    """Whose rows are meant: an owner's, a project's, or one end user's of a project."""

    owner_id: int
    project_id: str | None = None
    user_id: int | None = None
    test_mode: bool | None = None
    status: str | None = None

    @property
    def modes(self) -> tuple[bool, ...]:
        return (True, False) if self.test_mode is None else (self.test_mode,)


def list_subscriptions(scope: Scope, *, page: int, page_size: int) -> dict[str, Any]:
    """Return one page of the subscriptions, the newest first."""
    found, total = _page(Subscription, scope, page, page_size)
    return {"subscriptions": found, "total": total, "page": page, "page_size": page_size}


def list_payments(scope: Scope, *, page: int, page_size: int) -> dict[str, Any]:
    """Return one page of the payments, the newest first."""
    found, total = _page(Payment, scope, page, page_size)
    return {"payments": found, "total": total, "page": page, "page_size": page_size}


def find_my_subscription(scope: Scope, *, include_inactive: bool = False) -> Row | None:
    """Return an end user's newest subscription that is active, on trial or past due.

    With `include_inactive` any other that is not over is returned where there is none of these.
    """
    (test_mode,) = scope.modes
    is_current = Subscription.status.in_(CURRENT)
    shown = Subscription.status.not_in(FINAL) if include_inactive else is_current
    newest = (
        sa.select(Subscription.id)
        .where(*_within(Subscription, scope, test_mode), shown)
        .order_by(is_current.desc(), Subscription.created_at.desc(), Subscription.id.desc())
        .limit(1)
        .subquery()
    )
    return next(iter(_rows(Subscription, newest)), None)


def list_projects(owner_id: int) -> list[dict[str, Any]]:
    """Return all of a developer's projects with what of Stripe they have, the newest first."""
    query = (
        sa.select(Project)
        .where(Project.owner_id == owner_id)
        .order_by(Project.created_at.desc(), Project.id.desc())
    )
    configured, keys = _configured(owner_id), _keys(owner_id)
    return [_described(project, configured, keys) for project in db.session.scalars(query)]


def get_stats(owner_id: int, *, test_mode: bool) -> dict[str, Any]:
    """Return the sums over a developer's projects: test and live together, or live only.

    Unlike currencies are never added: `total_revenue_cents` is in `currency`, the one with the
    most successful payments; `revenue_by_currency` has the minor units of every one.
    """
    scope = Scope(owner_id, test_mode=None if test_mode else False)
    configured, keys = _configured(owner_id), _keys(owner_id)
    total = sa.select(sa.func.count()).where(Project.owner_id == owner_id)
    with_keys = [mode for project, mode in keys if project in configured]
    return {
        "total_projects": db.session.scalar(total) or 0,
        "projects_with_config": len(configured),
        "projects_with_test": with_keys.count(TEST),
        "projects_with_live": with_keys.count(LIVE),
        **_sums(scope),
        **_revenue(scope),
    }


# Lists


def _page(table: Ledger, scope: Scope, page: int, page_size: int) -> tuple[list[Row], int]:
    offset = min((page - 1) * page_size, _LARGEST_OFFSET)
    return _rows(table, _picked(table, scope, offset, page_size)), _total(table, scope)


def _picked(table: Ledger, scope: Scope, offset: int, limit: int) -> sa.Subquery:
    """Pick a page's ids: each mode is read in the order of its index, and the two are merged."""
    newest = [
        sa.select(table.id, table.created_at)
        .where(*_within(table, scope, test_mode))
        .order_by(table.created_at.desc(), table.id.desc())
        .limit(offset + limit)
        .subquery()
        for test_mode in scope.modes
    ]
    merged = sa.union_all(*(sa.select(part) for part in newest)).subquery()
    order = (merged.c.created_at.desc(), merged.c.id.desc())
    return sa.select(merged.c.id).order_by(*order).offset(offset).limit(limit).subquery()


def _rows(table: Ledger, picked: sa.Subquery) -> list[Row]:
    query = (
        sa.select(
            *(column for column in table.__table__.c if column.name != "user_id"),
            User.uuid.label("user_id"),
            Project.name.label("project_name"),
        )
        .join(picked, picked.c.id == table.id)
        .join(Project, Project.id == table.project_id)
        .outerjoin(User, User.id == table.user_id)
        .order_by(table.created_at.desc(), table.id.desc())
    )
    return list(db.session.execute(query))


def _within(table: Ledger, scope: Scope, test_mode: bool) -> list[sa.ColumnElement[bool]]:
    """Scope rows to one mode; the owner always counts, so a foreign project has no rows."""
    conditions = [table.owner_id == scope.owner_id, table.is_test_mode == test_mode]
    if scope.project_id is not None:
        conditions.append(table.project_id == scope.project_id)
    if scope.user_id is not None:
        conditions.append(table.user_id == scope.user_id)
    if scope.status is not None:
        conditions.append(table.status == scope.status)
    return conditions


def _total(table: Ledger, scope: Scope) -> int:
    """Count what a filter leaves; without one the counters know."""
    if scope.status is None and scope.user_id is None:
        sums = _sums(scope)
        return int(sums["total_subscriptions" if table is Subscription else "total_payments"])
    counts = [
        sa.select(sa.func.count()).select_from(table).where(*_within(table, scope, mode))
        for mode in scope.modes
    ]
    return sum(db.session.scalar(count) or 0 for count in counts)


# Figures


def _sums(scope: Scope) -> dict[str, int]:
    """Add up the counters of an owner, or of one of their projects."""
    columns = {
        "total_subscriptions": ProjectTotals.subscriptions,
        "active_subscriptions": ProjectTotals.active_subscriptions,
        "total_payments": ProjectTotals.payments,
    }
    query = sa.select(*(sa.func.sum(column) for column in columns.values())).where(
        ProjectTotals.owner_id == scope.owner_id, ProjectTotals.is_test_mode.in_(scope.modes)
    )
    if scope.project_id is not None:
        query = query.where(ProjectTotals.project_id == scope.project_id)
    sums = db.session.execute(query).one()
    return {name: int(found or 0) for name, found in zip(columns, sums, strict=True)}


def _revenue(scope: Scope) -> dict[str, Any]:
    """Return the revenue of an owner's projects, each currency by itself."""
    query = (
        sa.select(
            ProjectRevenue.currency,
            sa.func.sum(ProjectRevenue.successful_payments),
            sa.func.sum(ProjectRevenue.revenue_cents),
        )
        .where(
            ProjectRevenue.owner_id == scope.owner_id,
            ProjectRevenue.is_test_mode.in_(scope.modes),
        )
        .group_by(ProjectRevenue.currency)
        .order_by(ProjectRevenue.currency)
    )
    told = [(code, int(number), int(cents)) for code, number, cents in db.session.execute(query)]
    main, _, cents = max(told, key=lambda row: row[1], default=(DEFAULT_CURRENCY, 0, 0))
    return {
        "successful_payments": sum(number for _, number, _ in told),
        "total_revenue_cents": cents,
        "currency": main,
        "revenue_by_currency": {code: cents for code, _, cents in told},
    }


def _configured(owner_id: int) -> set[str]:
    """Return the developer's projects whose configuration is not switched off."""
    query = (
        sa.select(StripeConfig.project_id)
        .join(Project, Project.id == StripeConfig.project_id)
        .where(Project.owner_id == owner_id, StripeConfig.is_active)
    )
    return set(db.session.scalars(query))


def _keys(owner_id: int) -> dict[tuple[str, str], Any]:
    """Return when a secret key was stored, by project and mode."""
    query = (
        sa.select(
            StripeCredentials.project_id, StripeCredentials.mode, StripeCredentials.configured_at
        )
        .join(Project, Project.id == StripeCredentials.project_id)
        .where(Project.owner_id == owner_id, StripeCredentials.secret_key.is_not(None))
    )
    return {(row.project_id, row.mode): row.configured_at for row in db.session.execute(query)}


def _described(
    project: Project, configured: set[str], keys: dict[tuple[str, str], Any]
) -> dict[str, Any]:
    has_config = project.id in configured
    test, live = ((project.id, mode) if has_config else ("", mode) for mode in (TEST, LIVE))
    return {
        "id": project.id,
        "name": project.name,
        "description": project.description,
        "has_payment_config": has_config,
        "has_test_credentials": test in keys,
        "has_live_credentials": live in keys,
        "test_configured_at": keys.get(test),
        "live_configured_at": keys.get(live),
        "is_active": project.is_active,
        "created_at": project.created_at,
    }
