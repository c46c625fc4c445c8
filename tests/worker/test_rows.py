"""What becomes of rows: back after a growing wait, expired, forgotten; and the heartbeat."""

from __future__ import annotations

from datetime import timedelta

import pytest
import requests
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from payments.extensions import redis
from payments.idempotency import store
from payments.idempotency.models import IdempotentRequest
from payments.invoices.models import Invoice
from payments.kit import clock, leases
from payments.kit.db import db
from payments.kit.transactions import transaction
from payments.pages import readiness
from payments.workspaces.models import Charge
from tests.support.people import sign_up
from tests.support.shop import eventually
from worker import reconciliation


class TestBackoff:
    @settings(derandomize=True, database=None)
    @given(tries=st.integers(min_value=-5, max_value=10**9))
    def test_it_stays_between_its_bounds(self, tries):
        """However often: never at once, never later than an hour and a quarter."""
        wait = leases.backoff(tries)
        assert leases.BACKOFF_FIRST * 0.75 <= wait <= leases.BACKOFF_LAST * 1.25

    @settings(derandomize=True, database=None)
    @given(tries=st.integers(min_value=1, max_value=40))
    def test_it_never_shrinks_but_by_its_jitter(self, tries):
        """Each try waits twice as long as the one before, until the bound is reached."""
        expected = min(leases.BACKOFF_FIRST * 2 ** (tries - 1), leases.BACKOFF_LAST)
        assert expected * 0.75 <= leases.backoff(tries) <= expected * 1.25

    def test_rows_that_failed_together_come_back_apart(self):
        """The jitter spreads them."""
        assert len({leases.backoff(8) for _ in range(200)}) > 20


class TestRetries:
    @pytest.fixture
    def held(self, shop, app):
        """A charge that Stripe refuses to look at, driven by the worker until it has had enough."""
        shop.control(
            "POST",
            "faults",
            {
                "match": {"method": "POST", "path": "/v1/payment_intents"},
                "action": "status",
                "status": 503,
                "times": 100,
            },
        )
        person = sign_up(shop.client)
        shop.save_card(person, person.home.slug)
        answer = shop.upgrade(person, person.home.slug, headers={"Prefer": "respond-async"})
        return answer.json["data"]["charge"]["id"]

    def test_the_row_keeps_count_and_says_when(self, app, shop, held):
        """A failed try leaves its count, its next time and no lease behind."""

        def tried():
            with app.app_context():
                charge = db.session.get_one(Charge, held)
                return (charge.tries, charge.due_at, charge.leased_until, charge.fence)

        def once():
            tries, due_at, lease, fence = tried()
            return lease is None and tries >= 1 and (tries, due_at, fence)

        tries, due_at, fence = eventually(once)
        assert (tries, fence) == (1, 1)
        left = due_at - clock.now()
        assert timedelta(0) < left <= leases.BACKOFF_FIRST * 1.25
        with app.app_context(), transaction() as session:
            change = sa.update(Charge).where(Charge.id == held)
            session.execute(change.values(due_at=clock.now()))
        with app.app_context():
            reconciliation.sweep_due()
        eventually(lambda: tried()[0] == 2 and tried()[2] is None)
        shop.control("DELETE", "faults")
        with app.app_context(), transaction() as session:
            session.execute(sa.update(Charge).where(Charge.id == held).values(due_at=clock.now()))
        with app.app_context():
            reconciliation.sweep_due()
        eventually(lambda: self.status(app, held) == "succeeded")

    def status(self, app, charge_id: int) -> str:
        with app.app_context():
            return db.session.get_one(Charge, charge_id).status


class TestExpiry:
    def test_a_charge_nobody_came_back_for_is_canceled_after_a_day(self, shop, app):
        """A day later: canceled at Stripe, failed here, and another card can be tried."""
        person = sign_up(shop.client)
        setup = shop.set_up(person, person.home.slug)
        confirmed = shop.browser_confirms_setup(setup, "pm_card_authenticationRequired")
        secret = confirmed["client_secret"]
        page = f"{shop.stripe_url}/3ds/{confirmed['id']}?client_secret={secret}"
        assert requests.post(page, data={"outcome": "complete"}, timeout=10).ok
        body = {
            "setupIntentId": setup["setupIntentId"],
            "paymentMethodId": confirmed["payment_method"],
        }
        path = f"/api/payments/{person.home.slug}/payment-method/confirm"
        assert shop.call("POST", path, person, json=body).status_code == 200
        answer = shop.upgrade(person, person.home.slug)
        assert (answer.status_code, answer.json["code"]) == (402, "authentication_required")
        charge_id = answer.json["details"]["chargeId"]
        with app.app_context(), clock.frozen(clock.now() + timedelta(hours=24, minutes=1)):
            reconciliation.sweep_expired()
        with app.app_context():
            charge = db.session.get_one(Charge, charge_id)
            invoice = db.session.get_one(Invoice, charge.invoice_id)
            intent = charge.stripe_payment_intent_id
            assert (charge.status, invoice.status) == ("canceled", "failed")
        assert shop.stripe("GET", f"/v1/payment_intents/{intent}")["status"] == "canceled"


class TestPruning:
    def test_answers_are_forgotten_after_a_day_and_not_before(self, shop, app):
        """A key that lapsed may be used for something else; a younger one is still replayed."""
        person = sign_up(shop.client)
        with app.app_context():
            old = store.claim(person.id, "old", "x").id
            young = store.claim(person.id, "young", "x").id
            past = clock.now() - store.KEPT_FOR - timedelta(seconds=1)
            change = sa.update(IdempotentRequest).where(IdempotentRequest.id == old)
            with transaction() as session:
                session.execute(change.values(created_at=past))
            reconciliation.sweep_expired()
            assert db.session.get(IdempotentRequest, old) is None
            assert db.session.get(IdempotentRequest, young) is not None


class TestHeartbeat:
    def test_it_leaves_the_mark_that_readiness_looks_for(self, app, redis_url):
        """One key, one name, and it lapses by itself."""
        assert reconciliation.HEARTBEAT_KEY == readiness.HEARTBEAT_KEY
        with app.app_context():
            redis().delete(readiness.HEARTBEAT_KEY)
            assert readiness.parts()["worker"] != readiness.OK
            reconciliation.heartbeat()
            assert readiness.parts()["worker"] == readiness.OK
            assert 0 < redis().ttl(readiness.HEARTBEAT_KEY) <= readiness.HEARTBEAT_SECONDS
