"""Whatever Stripe says in whatever order: a charge never moves back, its invoice agrees."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from payments.config import Settings
from payments.gateway.results import Payment
from payments.invoices.models import Invoice
from payments.kit.db import db
from payments.kit.transactions import transaction
from payments.workspaces.charges.action import GONE
from payments.workspaces.charges.call import EXPIRED
from payments.workspaces.charges.outcomes import Outcome
from payments.workspaces.charges.record import record_outcome, record_payment
from payments.workspaces.models import Charge, StripeAnomaly, Workspace
from payments.workspaces.models.charges import (
    ABANDONED,
    CANCELED,
    FAILED,
    REQUIRES_ACTION,
    SUCCEEDED,
)
from tests.support.people import Person
from tests.support.reserved import hold_charge, payment_of, reserve_charge
from tests.support.shop import Shop

# What Stripe's PaymentIntent says for each status of ours.
# https://docs.stripe.com/payments/paymentintents/lifecycle
DECLINE = {"error_code": "card_declined", "error_message": "Your card was declined."}
FACTS: dict[str, dict[str, object]] = {
    REQUIRES_ACTION: {"status": "requires_action", "amount_received": 0},
    FAILED: {"status": "requires_payment_method", "amount_received": 0, **DECLINE},
    CANCELED: {"status": "canceled", "amount_received": 0},
    SUCCEEDED: {"status": "succeeded"},
}
RANK = {REQUIRES_ACTION: 1, ABANDONED: 2, FAILED: 3, CANCELED: 3, SUCCEEDED: 4}
INVOICE_OF = {REQUIRES_ACTION: "pending", ABANDONED: "failed", FAILED: "failed",
              CANCELED: "failed", SUCCEEDED: "paid"}  # fmt: skip


def say(charge_id: int, word: str) -> bool:
    """Record what Stripe says, or that we gave up; return whether it was news."""
    if word == ABANDONED:
        return record_outcome(charge_id, EXPIRED, actor="test")
    return record_payment(charge_id, payment_of(charge_id, **FACTS[word]), actor="test")


def state(charge_id: int) -> tuple[str, str, str]:
    db.session.rollback()
    charge = db.session.get_one(Charge, charge_id, populate_existing=True)
    invoice = db.session.get_one(Invoice, charge.invoice_id, populate_existing=True)
    workspace = db.session.get_one(Workspace, charge.workspace_id, populate_existing=True)
    return charge.status, invoice.status, workspace.plan.slug


def row(charge_id: int) -> Charge:
    db.session.rollback()
    return db.session.get_one(Charge, charge_id, populate_existing=True)


def anomalies(charge_id: int) -> list[tuple[str, str]]:
    query = sa.select(StripeAnomaly).where(StripeAnomaly.charge_id == charge_id)
    return [(found.kind, found.stripe_id) for found in db.session.scalars(query)]


@settings(max_examples=8, derandomize=True, deadline=None, database=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(words=st.lists(st.sampled_from(sorted(RANK)), min_size=1, max_size=6))
def test_any_order_of_words(
    app: Flask, client: FlaskClient, person: Person, words: list[str]
) -> None:
    held: Settings = app.extensions["payments.settings"]
    with app.app_context():
        charge_id = reserve_charge(Shop(client, held), person)
        hold_charge(charge_id)
        reached = 0
        for word in words:
            assert say(charge_id, word) == (RANK[word] > reached)
            reached = max(reached, RANK[word])
            status, invoice, plan = state(charge_id)
            assert RANK[status] == reached
            assert invoice == INVOICE_OF[status]
            assert plan == ("starter" if status == SUCCEEDED else "free")
        assert anomalies(charge_id) == []


def test_the_same_word_twice_changes_nothing(charge_id: int) -> None:
    assert say(charge_id, SUCCEEDED) is True
    before = row(charge_id).updated_at
    assert say(charge_id, SUCCEEDED) is False
    assert row(charge_id).updated_at == before


class TestFence:
    def test_what_a_process_concluded_counts_while_the_row_is_its_own(self, charge_id: int) -> None:
        fence = row(charge_id).fence
        assert record_outcome(charge_id, EXPIRED, actor="worker", fence=fence + 1) is False
        assert state(charge_id)[0] == "pending"
        assert record_outcome(charge_id, EXPIRED, actor="worker", fence=fence) is True
        assert state(charge_id) == ("abandoned", "failed", "free")

    def test_giving_up_without_a_payment_intent_stops_before_a_stored_one(
        self, charge_id: int
    ) -> None:
        """A worker may have stored it, and confirmed it, a moment ago."""
        with transaction():
            charge = db.session.get_one(Charge, charge_id)
            charge.stripe_payment_intent_id = f"pi_stored_{charge_id}"
        told = {"actor": "operator", "only_without_intent": True}
        assert record_outcome(charge_id, GONE, **told) is False
        assert state(charge_id)[0] == "pending"


class TestOtherPayments:
    def pay(self, charge_id: int, intent: str, **facts: object) -> bool:
        made: Payment = payment_of(charge_id, intent, **facts)
        return record_payment(charge_id, made, actor="test")

    def test_another_attempts_that_took_nothing_changes_nothing(self, charge_id: int) -> None:
        say(charge_id, REQUIRES_ACTION)
        assert self.pay(charge_id, "pi_other", **FACTS[CANCELED]) is False
        assert (state(charge_id)[0], anomalies(charge_id)) == ("requires_action", [])

    @pytest.mark.parametrize("word", [REQUIRES_ACTION, ABANDONED, FAILED, CANCELED])
    def test_another_attempts_that_took_the_money_settles_the_charge(
        self, charge_id: int, word: str
    ) -> None:
        """Whatever was said of the first one: the workspace has paid."""
        say(charge_id, word)
        assert self.pay(charge_id, f"pi_second_{charge_id}") is True
        assert state(charge_id) == ("succeeded", "paid", "starter")
        assert row(charge_id).stripe_payment_intent_id == f"pi_second_{charge_id}"

    def test_a_second_success_is_stored_once_and_applied_to_nothing(self, charge_id: int) -> None:
        say(charge_id, SUCCEEDED)
        second = f"pi_second_{charge_id}"
        for _ in range(2):
            assert self.pay(charge_id, second) is False
        assert anomalies(charge_id) == [("duplicate", second)]
        assert row(charge_id).stripe_payment_intent_id == f"pi_{charge_id}"
        assert row(charge_id).attention_code == "paid_twice"

    @pytest.mark.parametrize(
        "facts", [{"amount": 50}, {"currency": "eur"}, {"customer": "cus_other"}, {"metadata": {}}]
    )
    @pytest.mark.parametrize("word", [SUCCEEDED, CANCELED, FAILED])
    def test_one_whose_facts_differ_is_stored_and_applied_to_nothing(
        self, charge_id: int, facts: dict[str, object], word: str
    ) -> None:
        intent = f"pi_odd_{charge_id}"
        assert self.pay(charge_id, intent, **{**FACTS[word], **facts}) is False
        assert state(charge_id) == ("pending", "pending", "free")
        assert anomalies(charge_id) == [("mismatch", intent)]
        assert row(charge_id).attention_code == "facts_disagree"


class TestRequestKey:
    @pytest.mark.parametrize(
        ("code", "kept"),
        [
            ("stripe_not_configured", False),
            ("stripe_error", False),
            ("expired", False),
            ("card_declined", True),
            ("invalid_payment_method", True),
            ("canceled", True),
        ],
    )
    def test_a_failure_that_is_no_answer_of_stripes_frees_the_clients_key(
        self, charge_id: int, code: str, kept: bool
    ) -> None:
        with transaction():
            db.session.get_one(Charge, charge_id).request_key = f"request-{charge_id}"
        record_outcome(charge_id, Outcome(FAILED, None, code), actor="worker")
        assert row(charge_id).request_key == (f"request-{charge_id}" if kept else None)
