"""Rows of a project's ledger with the counters that go with them, and prices at the sandbox."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import sqlalchemy as sa
from flask import Flask

from payments.auth.models import User
from payments.kit.db import db
from payments.kit.transactions import transaction
from payments.projects.models import Payment, StripeCustomer, Subscription
from payments.projects.models.projects import new_uuid
from payments.projects.sync.account import Account
from payments.projects.sync.book import Book
from tests.support.developers import EndUser, ProjectSeat
from tests.support.shop import Shop

# Every row is a minute newer than the one before it, unless a test says otherwise.
_minutes = count()
_START = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


def add_subscription(
    app: Flask,
    seat: ProjectSeat,
    user: EndUser | None = None,
    *,
    test_mode: bool = True,
    **values: Any,
) -> dict[str, Any]:
    """Insert a subscription as the ledger would; return its columns."""
    row = {"subscription_id": f"sub_{new_uuid()[:13]}", "status": "active", "state_at": 0}
    return _add(app, seat, Subscription, user, test_mode, row | {"quantity": 1} | values)


def add_payment(
    app: Flask,
    seat: ProjectSeat,
    user: EndUser | None = None,
    *,
    test_mode: bool = True,
    **values: Any,
) -> dict[str, Any]:
    """Insert a payment as the ledger would; return its columns."""
    row = {
        "payment_intent_id": f"pi_{new_uuid()[:13]}",
        "status": "succeeded",
        "amount_cents": 2000,
        "currency": "usd",
        "refunded_amount_cents": 0,
        "disputed": False,
        "state_at": 0,
    }
    return _add(app, seat, Payment, user, test_mode, row | values)


def _add(
    app: Flask,
    seat: ProjectSeat,
    model: type[Subscription] | type[Payment],
    user: EndUser | None,
    test_mode: bool,
    values: dict[str, Any],
) -> dict[str, Any]:
    created = _START + timedelta(minutes=next(_minutes))
    with app.app_context(), transaction():
        book = Book(Account(seat.project_id, test_mode))
        row = model(**{"id": new_uuid(), "created_at": created, **book.scope, **values})
        row.user_id = user_id(user) if user else None
        (book.add_subscription if model is Subscription else book.add_payment)(row)
        book.close()
        return {column.name: getattr(row, column.name) for column in model.__table__.c}


def rewrite(app: Flask, seat: ProjectSeat, subscription: str, **values: Any) -> None:
    """Write the row of a test subscription as another worker would."""
    with app.app_context(), transaction():
        book = Book(Account(seat.project_id, True))
        row = book.subscription(subscription)
        assert row is not None
        for name, value in values.items():
            setattr(row, name, value)
        book.add_subscription(row)
        book.close()


def user_id(user: EndUser) -> int:
    """Return the number that rows know an end user by (within an app context)."""
    return int(db.session.scalars(sa.select(User.id).where(User.uuid == user.user_id)).one())


def customers_of(app: Flask, user: EndUser) -> list[tuple[bool, str]]:
    """Return mode and Stripe id of an end user's customers."""
    with app.app_context():
        query = sa.select(StripeCustomer.is_test_mode, StripeCustomer.customer_id).where(
            StripeCustomer.user_id == user_id(user)
        )
        return [(row.is_test_mode, row.customer_id) for row in db.session.execute(query)]


# Stripe's side


def new_price(shop: Shop, *, name: str = "Pro", amount: int = 2000, **more: Any) -> str:
    """Make a monthly price with a product of its own; `interval=None` makes a one-time price."""
    interval, trial = more.pop("interval", "month"), more.pop("trial", None)
    product = shop.stripe("POST", "/v1/products", name=name)["id"]
    params = {"currency": "usd", "product": product, "unit_amount": amount, **more}
    if interval:
        params["recurring[interval]"] = interval
    if trial:
        params["recurring[trial_period_days]"] = trial
    made = shop.stripe("POST", "/v1/prices", **params)
    assert "id" in made, made
    return str(made["id"])


def requests_to(shop: Shop, path: str, method: str = "POST") -> list[dict[str, Any]]:
    """Return the parameters of what the account was asked, the oldest first."""
    log = shop.control("GET", f"requests?method={method}&path={path}")["data"]
    return [entry["params"] for entry in log]


def subscribed(
    app: Flask, seat: ProjectSeat, user: EndUser, price: str, *, quantity: int = 1, **row: Any
) -> str:
    """Let an end user have a subscription at Stripe, paid by card, and its row here."""
    shop = seat.shop
    customer = str(shop.stripe("POST", "/v1/customers", email=user.email)["id"])
    card = shop.stripe("POST", "/v1/payment_methods/pm_card_visa/attach", customer=customer)["id"]
    params = {
        "customer": customer,
        "default_payment_method": card,
        "items[0][price]": price,
        "items[0][quantity]": quantity,
    }
    made = shop.stripe("POST", "/v1/subscriptions", **params)
    assert "id" in made, made
    with app.app_context(), transaction() as session:
        session.add(
            StripeCustomer(
                project_id=seat.project_id,
                is_test_mode=True,
                user_id=user_id(user),
                customer_id=customer,
            )
        )
    values = {"subscription_id": made["id"], "customer_id": customer, "status": made["status"]}
    add_subscription(app, seat, user, **values, price_id=price, **row)
    return str(made["id"])
