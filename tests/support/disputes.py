"""Disputes in tests: a payment that its bank takes back, Stripe's events of it, and our row."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import Flask

from payments.kit.db import db
from payments.workspaces.models import Dispute
from tests.support.people import Cast
from tests.support.shop import Shop
from tests.support.till import handled

DISPUTES = "/v1/disputes"

# Cards whose payments are disputed a little later: https://docs.stripe.com/testing#disputes
CHARGEBACK_CARD, INQUIRY_CARD = "pm_card_createDispute", "pm_card_createDisputeInquiry"


def dispute_payment(shop: Shop, cast: Cast, card: str = CHARGEBACK_CARD) -> dict[str, Any]:
    """Pay 9.99 with a card that complains later; return Stripe's dispute."""
    shop.save_card(cast.owner, cast.workspace.slug, card)
    assert shop.upgrade(cast.owner, cast.workspace.slug).status_code == 200
    shop.control("POST", "clock/advance", {"seconds": 60})
    intent = shop.invoices(cast.owner, cast.workspace.slug)[0]["stripePaymentIntentId"]
    (found,) = shop.stripe("GET", DISPUTES, payment_intent=intent)["data"]
    return dict(found)


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
