"""Charges that are reserved and not sent to a worker: the test itself does what a worker would."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask

from payments.gateway.results import Payment
from payments.installation.names import make_metadata
from payments.kit.db import db
from payments.kit.transactions import transaction
from payments.workspaces.charges.reserve import reserve
from payments.workspaces.models import Charge
from payments.workspaces.queries import default_method, find_plan
from tests.support.people import Person, new_workspace
from tests.support.shop import Shop

ReserveCharge = Callable[[], int]


def reserve_charge(shop: Shop, person: Person, plan: str = "starter") -> int:
    """Reserve a charge in a fresh workspace, inside the app's context; return its id."""
    place = new_workspace(person, "Reserved")
    shop.save_card(person, place.slug)
    with transaction():
        found, method = find_plan(plan), default_method(place.id)
        assert found is not None
        assert method is not None
        charge = reserve(place.id, found.id, method.id, requested_by=person.id, request_key=None)
        return charge.id


def hold_charge(charge_id: int) -> None:
    """Keep the charge from the sweeps of other tests, which look for what is due."""
    with transaction():
        charge = db.session.get_one(Charge, charge_id)
        charge.leased_until = charge.created_at.replace(year=charge.created_at.year + 1)


def settle_leftover(app: Flask, charge_id: int) -> None:
    """Take a charge that a test left open out of every sweep's sight."""
    with app.app_context(), transaction():
        charge = db.session.get_one(Charge, charge_id)
        if charge.status == "pending":
            charge.status = "failed"


def payment_of(charge_id: int, payment_intent: str | None = None, **facts: object) -> Payment:
    """Return a PaymentIntent that agrees with the charge in all but the given facts."""
    charge = db.session.get_one(Charge, charge_id, populate_existing=True)
    agreed: dict[str, object] = {
        "id": payment_intent or f"pi_{charge_id}",
        "status": "succeeded",
        "amount": charge.amount_minor,
        "currency": charge.currency,
        "client_secret": None,
        "payment_method": charge.stripe_payment_method_id,
        "metadata": make_metadata(charge=charge.reference),
        "error_code": None,
        "decline_code": None,
        "error_message": None,
        "customer": charge.stripe_customer_id,
        "amount_received": charge.amount_minor,
    }
    db.session.rollback()
    return Payment(**{**agreed, **facts})  # type: ignore[arg-type]
