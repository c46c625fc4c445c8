"""Disputes in tests: a payment that its bank takes back, Stripe's events of it, and our row."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import Flask

from payments.kit.db import db
from payments.workspaces.models import Dispute
from tests.support.people import Cast
from tests.support.shop import Shop
from tests.support.stack import Sandbox
from tests.support.till import handled

DISPUTES = "/v1/disputes"


def dispute_payment(shop: Shop, cast: Cast, plan: str = "starter") -> dict[str, Any]:
    """Pay with a card that complains later; return Stripe's dispute."""
    shop.save_card(cast.owner, cast.workspace.slug, "pm_card_createDispute")
    assert shop.upgrade(cast.owner, cast.workspace.slug, plan).status_code == 200
    shop.control("POST", "clock/advance", {"seconds": 60})
    intent = shop.invoices(cast.owner, cast.workspace.slug)[0]["stripePaymentIntentId"]
    (found,) = shop.stripe("GET", DISPUTES, payment_intent=intent)["data"]
    return dict(found)


def edit_dispute(sandbox: Sandbox, dispute_id: str, **values: Any) -> None:
    """Let a dispute stand differently at Stripe, without an event."""
    store = sandbox._app.parts.store
    with store.transaction():
        objects = store.objects(store.scope_of(dispute_id) or "")
        record = objects.find("dispute", dispute_id)
        assert record is not None
        record.data.update(values)
        objects.save(record)


def make_inquiry(sandbox: Sandbox, dispute_id: str) -> None:
    """Turn a new chargeback into an inquiry: no money was taken, a refund is possible."""
    edit_dispute(
        sandbox,
        dispute_id,
        status="warning_needs_response",
        balance_transactions=[],
        is_charge_refundable=True,
    )


def submit_evidence(shop: Shop, dispute_id: str, words: str) -> None:
    """Answer the bank and wait for its decision."""
    shop.stripe("POST", f"{DISPUTES}/{dispute_id}", **{"evidence[uncategorized_text]": words})
    shop.control("POST", "clock/advance", {"seconds": 60})


def dispute_events(shop: Shop, dispute_id: str) -> list[dict[str, Any]]:
    """Return Stripe's events of a dispute, the oldest first."""
    listed = shop.stripe("GET", "/v1/events", limit=100)["data"]
    found = [e for e in listed if e["data"]["object"]["id"] == dispute_id]
    return [e for e in reversed(found) if e["type"].startswith("charge.dispute.")]


def deliver_events(app: Flask, shop: Shop, events: list[dict[str, Any]]) -> None:
    """Deliver events in the order given, each handled before the next one."""
    for event in events:
        assert shop.deliver(event).status_code == 200
        handled(app, event["id"])


def deliver_news(app: Flask, shop: Shop, dispute_id: str) -> None:
    """Deliver all that Stripe has to tell of a dispute."""
    deliver_events(app, shop, dispute_events(shop, dispute_id))


def dispute_rows(app: Flask, dispute_id: str) -> list[dict[str, Any]]:
    """Return our row of a dispute, if there is one, as plain values."""
    with app.app_context():
        query = sa.select(*Dispute.__table__.c).where(Dispute.stripe_dispute_id == dispute_id)
        return [dict(row) for row in db.session.execute(query).mappings()]
