"""A ledger on a desk: events handed to it directly, with a Stripe that answers what a test says."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from payments.kit import clock
from payments.kit.db import db
from payments.kit.transactions import transaction
from payments.projects.models import Payment, Subscription
from payments.projects.reconcile.totals import read_counters
from payments.projects.sync import names
from payments.projects.sync.account import Account
from payments.projects.sync.contribution import NOTHING, Counts, contribution
from payments.webhooks import drain, inbox, looks
from payments.webhooks.models import WebhookEvent
from tests.support.deliveries import made_up
from tests.support.developers import ProjectSeat
from tests.support.histories import Recorded, Snapshot

NOON = 1_800_000_000


class Desk:
    """Hands events to a project's ledger; `stripe` holds what a look at the account shows."""

    def __init__(self, app: Flask, seat: ProjectSeat, patch: pytest.MonkeyPatch) -> None:
        self.app, self.seat = app, seat
        self.stripe = Recorded(Snapshot(0))
        self.objects = self.stripe.snapshot.objects
        self.failure: Exception | None = None
        names._held.clear()
        patch.setattr(looks, "billing_of", self._billing)
        # What earlier tests left waiting would be drained here, and counted as asked for.
        others = WebhookEvent.owner != seat.project_id
        self._change(others, due_at=clock.now() + timedelta(days=1))

    def _billing(self, _account: Any) -> Recorded:
        if self.failure is not None:
            raise self.failure
        return self.stripe

    def tell(self, kind: str, found: dict[str, Any], *, at: int = NOON, **more: Any) -> str:
        """Store an event without handling it; return its id."""
        event = made_up(kind, data={"object": found}, created=at, **more)
        with self.app.app_context():
            assert inbox.store(self.seat.project_id, event, json.dumps(event))
        return str(event["id"])

    def take(self, kind: str, found: dict[str, Any], **more: Any) -> str:
        """Store an event and handle it."""
        event_id = self.tell(kind, found, **more)
        self.drain()
        return event_id

    def drain(self) -> None:
        with self.app.app_context():
            while drain.drain():
                pass

    def event(self, event_id: str) -> WebhookEvent:
        return self._rows(WebhookEvent, WebhookEvent.event_id == event_id)[0]

    def due(self, event_id: str) -> None:
        """Let the event's wait be over."""
        self._change(WebhookEvent.event_id == event_id, due_at=clock.now())

    def _change(self, where: Any, **values: Any) -> None:
        with self.app.app_context(), transaction() as session:
            session.execute(sa.update(WebhookEvent).where(where).values(**values))

    def subscriptions(self) -> list[Subscription]:
        return self._rows(Subscription, Subscription.project_id == self.seat.project_id)

    def payments(self) -> list[Payment]:
        return self._rows(Payment, Payment.project_id == self.seat.project_id)

    def subscription(self) -> Subscription:
        (row,) = self.subscriptions()
        return row

    def payment(self) -> Payment:
        (row,) = self.payments()
        return row

    def totals(self) -> Counts:
        """Return the counters; they equal what the rows add up to, always."""
        with self.app.app_context():
            counted = read_counters(Account(self.seat.project_id, is_test_mode=True))
        rows = [*self.subscriptions(), *self.payments()]
        assert counted == sum((contribution(row) for row in rows), NOTHING)
        return counted

    def _rows(self, model: Any, *where: Any) -> list[Any]:
        with self.app.app_context():
            rows = list(db.session.scalars(sa.select(model).where(*where)))
            db.session.expunge_all()
            return rows


def subscription(**changes: Any) -> dict[str, Any]:
    """A subscription as events carry it since *basil*."""
    item = {
        "id": "si_1",
        "object": "subscription_item",
        "current_period_start": NOON,
        "current_period_end": NOON + 30 * 86400,
        "quantity": 2,
        "price": {"id": "price_1", "object": "price", "nickname": "Gold", "product": "prod_1"},
    }
    return {
        "id": "sub_1",
        "object": "subscription",
        "customer": "cus_1",
        "status": "active",
        "created": NOON - 60,
        "cancel_at": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "metadata": {},
        "items": {"object": "list", "data": [item]},
        **changes,
    }


def invoice(**changes: Any) -> dict[str, Any]:
    """A paid invoice of the subscription, with its payments expanded."""
    made = {"payment": {"type": "payment_intent", "payment_intent": "pi_1"}, "status": "paid"}
    details = {"subscription_details": {"subscription": "sub_1"}}
    return {
        "id": "in_1",
        "object": "invoice",
        "customer": "cus_1",
        "status": "paid",
        "amount_due": 2000,
        "amount_paid": 2000,
        "currency": "usd",
        "billing_reason": "subscription_cycle",
        "description": None,
        "created": NOON - 10,
        "parent": details,
        "payments": {"object": "list", "data": [made]},
        **changes,
    }


def told(found: dict[str, Any]) -> dict[str, Any]:
    """Return an invoice as events carry it: without its payments."""
    return {name: value for name, value in found.items() if name != "payments"}


def intent(**changes: Any) -> dict[str, Any]:
    """A PaymentIntent that succeeded, with its charge."""
    charge = {"id": "ch_1", "object": "charge", "amount_refunded": 0, "disputed": False}
    return {
        "id": "pi_1",
        "object": "payment_intent",
        "customer": "cus_1",
        "status": "succeeded",
        "amount": 2000,
        "amount_received": 2000,
        "currency": "usd",
        "description": None,
        "created": NOON - 5,
        "metadata": {},
        "last_payment_error": None,
        "latest_charge": charge,
        **changes,
    }


def session(**changes: Any) -> dict[str, Any]:
    """A Checkout session that sold a single thing."""
    return {
        "id": "cs_1",
        "object": "checkout.session",
        "mode": "payment",
        "customer": "cus_1",
        "subscription": None,
        "invoice": None,
        "payment_intent": "pi_1",
        "client_reference_id": None,
        "metadata": {},
        **changes,
    }
