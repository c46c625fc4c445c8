"""Payments that the service did not ask for: made at the same Stripe account, under some names."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from flask import Flask

from payments.installation.names import make_metadata
from payments.kit.db import db
from payments.workspaces.models import Charge, StripeAnomaly
from tests.support.shop import Shop
from tests.support.till import PAYMENT_INTENTS, column, handled


def names_of_charge(app: Flask, charge_id: int) -> dict[str, str]:
    """Return the metadata by which Stripe's objects name a charge of this installation."""
    with app.app_context():
        return make_metadata(charge=column(app, Charge, charge_id, "reference"))


def create_customer(shop: Shop) -> str:
    """Create a customer that belongs to no workspace; return its id."""
    return str(shop.stripe("POST", "/v1/customers", email=f"{uuid4().hex}@example.com")["id"])


def pay_at_stripe(shop: Shop, customer: str, metadata: dict[str, str], **facts: Any) -> str:
    """Take money with the account's own key; return the PaymentIntent's id."""
    attached = f"/v1/payment_methods/{facts.pop('card', 'pm_card_visa')}/attach"
    method = shop.stripe("POST", attached, customer=customer)["id"]
    named = {f"metadata[{name}]": value for name, value in metadata.items()}
    made = shop.stripe(
        "POST", PAYMENT_INTENTS, customer=customer, payment_method=method, confirm="true",
        off_session="true", **{"amount": 999, "currency": "usd", **facts, **named},
    )  # fmt: skip
    assert made.get("status") == "succeeded", made
    return str(made["id"])


def pay_again(app: Flask, shop: Shop, charge_id: int, **facts: Any) -> str:
    """Let Stripe take the money of a charge once more, with all its names; return the id."""
    customer = column(app, Charge, charge_id, "stripe_customer_id")
    return pay_at_stripe(shop, customer, names_of_charge(app, charge_id), **facts)


def tell(app: Flask, shop: Shop, kind: str, object_id: str, **changes: Any) -> None:
    """Deliver Stripe's event about an object, with some facts changed, and let it be handled."""
    event = shop.events(kind, object_id)[0]
    event["data"]["object"] |= changes
    assert shop.deliver(event).status_code == 200
    handled(app, event["id"])


def tell_of_refund(app: Flask, shop: Shop, refund_id: str) -> None:
    """Deliver the event that says that a refund was made."""
    tell(app, shop, "refund.created", refund_id)


def anomalies_of(app: Flask, stripe_id: str) -> list[dict[str, Any]]:
    """Return what is stored of an object at Stripe that was applied to nothing."""
    names = (
        "kind", "status", "amount_minor", "currency", "charge_id", "workspace_id", "resolution",
        "reason",
    )  # fmt: skip
    with app.app_context():
        query = sa.select(StripeAnomaly).where(StripeAnomaly.stripe_id == stripe_id)
        found = db.session.scalars(query.order_by(StripeAnomaly.id)).all()
        return [{name: getattr(row, name) for name in names} for row in found]
