"""Whatever Stripe says in whatever order: a charge never moves back, its invoice agrees."""

from __future__ import annotations

from functools import partial

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from payments.config import Settings
from payments.invoices.models import Invoice
from payments.kit.db import db
from payments.kit.transactions import transaction
from payments.workspaces.charges.outcomes import Outcome
from payments.workspaces.charges.record import record
from payments.workspaces.charges.reserve import reserve
from payments.workspaces.models import Charge, Workspace
from payments.workspaces.models.charges import (
    CANCELED,
    FAILED,
    REQUIRES_ACTION,
    SUCCEEDED,
)
from payments.workspaces.queries import default_method, find_plan
from tests.support.people import Person, new_workspace, sign_up
from tests.support.shop import Shop

OUTCOMES = {
    REQUIRES_ACTION: partial(Outcome, REQUIRES_ACTION, error_code="authentication_required"),
    FAILED: partial(Outcome, FAILED, error_code="card_declined", message="Your card was declined."),
    CANCELED: partial(Outcome, CANCELED, error_code="canceled"),
    SUCCEEDED: partial(Outcome, SUCCEEDED),
}
INVOICE_OF = {REQUIRES_ACTION: "pending", FAILED: "failed", CANCELED: "failed", SUCCEEDED: "paid"}


@pytest.fixture(scope="module")
def person(app: Flask, worker: None) -> Person:
    return sign_up(app.test_client(), "Recorder")


def reserved(shop: Shop, person: Person) -> int:
    """Reserve a charge in a fresh workspace, without waking a worker for it."""
    place = new_workspace(person, "Recorded")
    shop.save_card(person, place.slug)
    with transaction():
        plan, method = find_plan("starter"), default_method(place.id)
        charge = reserve(place.id, plan.id, method.id, requested_by=person.id, request_key=None)
        # Nobody else touches it: the sweeps of other tests look for what is due.
        charge.leased_until = charge.created_at.replace(year=charge.created_at.year + 1)
        return charge.id


def state(charge_id: int) -> tuple[str, str, str]:
    db.session.rollback()
    charge = db.session.get_one(Charge, charge_id, populate_existing=True)
    invoice = db.session.get_one(Invoice, charge.invoice_id, populate_existing=True)
    workspace = db.session.get_one(Workspace, charge.workspace_id, populate_existing=True)
    return charge.status, invoice.status, workspace.plan.slug


@settings(max_examples=8, derandomize=True, deadline=None, database=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(words=st.lists(st.sampled_from(sorted(OUTCOMES)), min_size=1, max_size=6))
def test_any_order_of_words(
    app: Flask, client: FlaskClient, person: Person, words: list[str]
) -> None:
    held: Settings = app.extensions["payments.settings"]
    with app.app_context():
        charge_id = reserved(Shop(client, held), person)
        rank = {REQUIRES_ACTION: 1, FAILED: 2, CANCELED: 2, SUCCEEDED: 3}
        reached = 0
        for word in words:
            changed = record(
                charge_id, OUTCOMES[word](payment_intent=f"pi_{charge_id}"), actor="test"
            )
            assert changed == (rank[word] > reached)
            reached = max(reached, rank[word])
            status, invoice, plan = state(charge_id)
            assert rank[status] == reached
            assert invoice == INVOICE_OF[status]
            assert plan == ("starter" if status == SUCCEEDED else "free")


def test_the_same_word_twice_changes_nothing(
    app: Flask, client: FlaskClient, person: Person
) -> None:
    held: Settings = app.extensions["payments.settings"]
    with app.app_context():
        charge_id = reserved(Shop(client, held), person)
        outcome = OUTCOMES[SUCCEEDED](payment_intent=f"pi_{charge_id}")
        assert record(charge_id, outcome, actor="test") is True
        before = db.session.get_one(Charge, charge_id).updated_at
        assert record(charge_id, outcome, actor="test") is False
        db.session.rollback()
        assert db.session.get_one(Charge, charge_id, populate_existing=True).updated_at == before
