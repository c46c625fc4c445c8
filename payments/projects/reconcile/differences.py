"""In which fields a row and Stripe's object differ."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Protocol

import sqlalchemy as sa

from payments.kit import clock
from payments.kit.db import db
from payments.projects.models import Payment, Subscription
from payments.projects.sync import payments, subscriptions
from payments.projects.sync.account import Account
from payments.projects.sync.look import Present
from payments.projects.sync.shapes import InvoiceState, PaymentState, SubscriptionState
from payments.runs.slices import Difference

ROW = "row"  # the field that differs when one side has nothing at all


class Rows(Protocol):
    """Where rows are found by Stripe's ids: the open book, or a reading of it."""

    def subscription(self, stripe_id: str) -> Subscription | None: ...

    def payment(self, stripe_id: str) -> Payment | None: ...


class Reading:
    """Some rows as they were at one moment: they stay readable when no transaction is open."""

    def __init__(
        self, account: Account, subscriptions: Iterable[str], payments: Iterable[str]
    ) -> None:
        self._rows: dict[str, Any] = {}
        self._read(account, Subscription, Subscription.subscription_id, subscriptions)
        self._read(account, Payment, Payment.payment_intent_id, payments)

    def subscription(self, stripe_id: str) -> Subscription | None:
        return self._rows.get(stripe_id)

    def payment(self, stripe_id: str) -> Payment | None:
        return self._rows.get(stripe_id)

    def _read(self, account: Account, model: Any, key: Any, ids: Iterable[str]) -> None:
        query = sa.select(model).where(*account.owns(model), key.in_(sorted(set(ids))))
        for row in db.session.scalars(query):
            self._rows[getattr(row, key.key)] = row


def of_subscription(
    rows: Rows, state: SubscriptionState, plan_name: str | None
) -> list[Difference]:
    """Compare a subscription with its row."""
    row = rows.subscription(state.id)
    if row is None:
        return [missing("subscription", state.id, state.status)]
    theirs = {"status": state.status, **subscriptions.columns(state, plan_name)}
    return _differing("subscription", state.id, row, theirs)


def of_payment(rows: Rows, state: PaymentState, invoice: InvoiceState | None) -> list[Difference]:
    """Compare a payment, and its tie to an invoice and subscription, with its row."""
    row, status = rows.payment(state.id), payments.status_of(state)
    if row is None:
        return [missing("payment", state.id, status)]
    theirs = {"status": status, **payments.columns(state)}
    if invoice is not None:
        theirs["invoice_id"] = invoice.id
        held = rows.subscription(invoice.subscription) if invoice.subscription else None
        theirs["subscription_row_id"] = held.id if held else None
    return _differing("payment", state.id, row, theirs)


def of_present(rows: Rows, present: Present) -> list[Difference]:
    """Compare all that was seen of an object."""
    found: list[Difference] = []
    if present.subscription is not None:
        found += of_subscription(rows, present.subscription, present.plan_name)
    for state in present.payments:
        found += of_payment(rows, state, present.invoice)
    return found


def missing(kind: str, stripe_id: str, status: str) -> Difference:
    """Stripe has an object and we have no row."""
    return Difference(kind, stripe_id, ROW, None, status)


def unlisted(kind: str, row: Any, stripe_id: str) -> Difference:
    """We have a row of what Stripe does not know."""
    return Difference(kind, stripe_id, ROW, row.status, None)


def _differing(kind: str, stripe_id: str, row: Any, theirs: dict[str, Any]) -> list[Difference]:
    ours = {name: getattr(row, name) for name in theirs}
    return [
        Difference(kind, stripe_id, name, _text(ours[name]), _text(value))
        for name, value in theirs.items()
        if ours[name] != value
    ]


def _text(value: Any) -> str | None:
    if isinstance(value, datetime):
        return clock.iso_millis(value)
    if isinstance(value, bool):
        return str(value).lower()
    return None if value is None else str(value)
