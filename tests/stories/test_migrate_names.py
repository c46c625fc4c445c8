"""Migration 0004: rows of a former release get names at Stripe, and what was open goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from flask_migrate import downgrade, upgrade

from payments.config import Settings
from payments.installation.names import get_installation_id, make_idempotency_key
from payments.kit.db import db
from payments.kit.transactions import transaction
from payments.workspaces import catalog
from payments.workspaces.charges import call
from payments.workspaces.models import Charge, Refund, Workspace
from tests.support.migrations import app_at, insert
from tests.support.shop import Shop
from tests.support.stack import MIGRATIONS


@pytest.fixture
def old_app(tmp_path: Path, settings: Settings) -> Iterator[Flask]:
    """An app whose database stands at the revision before, with plans."""
    with app_at("0003", tmp_path, settings) as app:
        yield app


NOW = "2026-11-01 00:00:00+00:00"
STAMPS = {"created_at": NOW, "updated_at": NOW}
LEASE = {"tries": 0, "throttled": 0, "fence": 0, "due_at": NOW}


def plant(shop: Shop) -> str:
    """Write a workspace with a customer at Stripe, a paid charge and others of every kind."""
    customer = shop.stripe("POST", "/v1/customers", email="old@example.com")["id"]
    insert(
        "pricing_plans", id=1, slug="free", name="Free", description="", price_minor=0,
        currency="usd", price_period="month", tier=0, is_active=True, restrictions="{}",
        features="[]", **STAMPS,
    )  # fmt: skip
    insert(
        "users", id=1, kind="person", email="old@example.com", name="Old", password_hash="x",
        is_active=True, is_admin=False, uuid="00000000-0000-4000-8000-000000000001", **STAMPS,
    )  # fmt: skip
    insert(
        "workspaces", id=7, name="Old", slug="old", description="", plan_id=1, is_active=True,
        stripe_customer_id=customer, **STAMPS,
    )  # fmt: skip
    for number, state in enumerate(("succeeded", "failed", "pending"), start=1):
        insert(
            "invoices", id=number, workspace_id=7, invoice_number=f"INV-20261101-000{number}",
            status="paid" if state == "succeeded" else state, type="plan_upgrade", plan_id=1,
            plan_name="Free", plan_slug="free", plan_period="month", description="",
            amount_minor=999, refunded_minor=0, currency="usd", **STAMPS,
        )  # fmt: skip
        insert(
            "charges", id=number, workspace_id=7, requested_by=1, invoice_id=number, plan_id=1,
            stripe_payment_method_id="pm_card_visa", amount_minor=999, currency="usd",
            status=state, attempt=1, uncertain=state == "pending", needs_attention=False,
            first_called_at=NOW, error_code="expired" if state == "failed" else None,
            stripe_payment_intent_id="pi_old" if state == "succeeded" else None,
            **STAMPS, **LEASE,
        )  # fmt: skip
    insert(
        "refunds", id=1, workspace_id=7, charge_id=1, invoice_id=1, amount_minor=300,
        currency="usd", status="failed", error_code="expired", attempt=2, uncertain=False,
        needs_attention=False, **STAMPS, **LEASE,
    )  # fmt: skip
    return str(customer)


def test_rows_of_a_former_release_get_names_and_their_facts(old_app: Flask, shop: Shop) -> None:
    customer = plant(shop)
    upgrade(directory=str(MIGRATIONS))
    charges = db.session.scalars(sa.select(Charge).order_by(Charge.id)).all()
    assert len({charge.reference for charge in charges}) == 3
    assert all(len(charge.reference) == 32 and charge.legacy_metadata for charge in charges)
    assert {charge.stripe_customer_id for charge in charges} == {customer}
    assert [charge.status for charge in charges] == ["succeeded", "abandoned", "pending"]
    assert db.session.get_one(Refund, 1).status == "abandoned"
    assert db.session.get_one(Workspace, 7).legacy_metadata
    assert len(get_installation_id()) == 32
    assert make_idempotency_key("charge", "x").startswith(get_installation_id())


def test_a_legacy_charge_that_was_called_is_looked_up_and_never_created_anew(
    old_app: Flask, shop: Shop
) -> None:
    """The former release may have confirmed it in the call that created it."""
    customer = plant(shop)
    upgrade(directory=str(MIGRATIONS))
    with transaction() as session:
        moment = (
            sa.func.now()
            if db.engine.dialect.name == "postgresql"
            else sa.text("strftime('%Y-%m-%d %H:%M:%f000', 'now')")
        )
        session.execute(sa.update(Charge).where(Charge.id == 3).values(created_at=moment))
    old_app.extensions.setdefault("payments.settings", shop.settings)
    call.run(3)
    assert db.session.get_one(Charge, 3, populate_existing=True).status == "pending"
    listed = shop.stripe("GET", "/v1/payment_intents", customer=customer)["data"]
    assert listed == []

    method = shop.stripe("POST", "/v1/payment_methods/pm_card_visa/attach", customer=customer)
    paid = shop.stripe(
        "POST", "/v1/payment_intents", amount=999, currency="usd", customer=customer,
        payment_method=method["id"], confirm="true", off_session="true",
        **{"metadata[charge_id]": "3", "metadata[workspace_id]": "7"},
    )  # fmt: skip
    with transaction() as session:
        session.execute(sa.update(Charge).where(Charge.id == 3).values(due_at=sa.text(
            "'2026-11-01 00:00:00+00'" if db.engine.dialect.name == "postgresql"
            else "'2026-11-01 00:00:00.000000'"
        )))  # fmt: skip
    call.run(3)
    charge = db.session.get_one(Charge, 3, populate_existing=True)
    assert (charge.status, charge.stripe_payment_intent_id) == ("succeeded", paid["id"])


def test_the_way_back_leaves_the_former_columns(old_app: Flask, shop: Shop) -> None:
    plant(shop)
    upgrade(directory=str(MIGRATIONS))
    db.session.remove()
    downgrade(directory=str(MIGRATIONS), revision="0003")
    states = db.session.execute(sa.text("SELECT status FROM charges ORDER BY id")).scalars().all()
    assert states == ["succeeded", "failed", "pending"]


def test_plans_can_be_seeded_after_the_migration(old_app: Flask) -> None:
    upgrade(directory=str(MIGRATIONS))
    catalog.seed()
