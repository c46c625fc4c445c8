"""Stripe answers 429: the work comes back later, soon enough, and no try is used up by it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa

from payments.kit import clock, leases
from payments.kit.transactions import transaction
from payments.webhooks import drain, inbox
from payments.webhooks.models import PLATFORM, PROCESSED, WebhookEvent
from payments.workspaces import attempts
from payments.workspaces.attempts import MOST_TRIES
from payments.workspaces.charges import action, call
from payments.workspaces.models import Charge, Refund
from payments.workspaces.refunds import call as refund_call
from tests.support.deliveries import made_up
from tests.support.errands import CONFIRMATION, CREATION
from tests.support.people import Cast
from tests.support.site import Site
from tests.support.till import save_authenticated_card

ASYNC = {"Prefer": "respond-async"}
PATHS = pytest.mark.parametrize("path", [CREATION, CONFIRMATION], ids=["creation", "confirmation"])


@pytest.fixture
def calm(site: Site) -> Iterator[Site]:
    """The installation without a worker: the test is the worker."""
    site.clear()
    yield site
    site.shop.control("DELETE", "faults")
    site.clear()


def full(site: Site, method: str, path: str, times: int = 1) -> None:
    site.fault("status", method, path, status=429, times=times)


def due(site: Site, model: type, row_id: int) -> None:
    """Let the row's wait be over."""
    change = sa.update(model).where(model.id == row_id).values(due_at=clock.now())  # type: ignore[attr-defined]
    site.run(lambda session: session.execute(change))


@pytest.fixture
def charge(calm: Site) -> int:
    person, place = calm.customer()
    answer = calm.shop.upgrade(person, place.slug, headers=ASYNC)
    return int(answer.json["data"]["charge"]["id"])


def run(site: Site, charge_id: int) -> Charge:
    with site.app.app_context():
        call.run(charge_id)
    return site.row(Charge, Charge.id == charge_id)


class TestCharges:
    @PATHS
    def test_however_often_it_is_no_try(self, calm: Site, charge: int, path: str) -> None:
        """Twice as many 429s as tries are allowed: no attention, then the money, once."""
        full(calm, "POST", path, 2 * MOST_TRIES)
        for times in range(1, 2 * MOST_TRIES + 1):
            row = run(calm, charge)
            assert (row.tries, row.throttled, row.status) == (0, times, "pending")
            assert (row.uncertain, row.needs_attention) == (False, False)
            wait = row.due_at - clock.now()
            assert wait <= leases.THROTTLED_LAST * 1.25
            due(calm, Charge, charge)
        assert wait > timedelta(minutes=3)
        row = run(calm, charge)
        assert (row.status, row.throttled) == ("succeeded", 0)
        assert [p["status"] for p in calm.payments(row.workspace_id)] == ["succeeded"]

    def test_any_other_answer_begins_the_count_anew(self, calm: Site, charge: int) -> None:
        full(calm, "POST", CREATION, 3)
        calm.fault("status", "POST", CREATION, status=503)
        for _ in range(4):
            row = run(calm, charge)
            due(calm, Charge, charge)
        assert (row.tries, row.throttled, row.uncertain) == (1, 0, True)

    @PATHS
    def test_what_was_uncertain_stays_so(self, calm: Site, charge: int, path: str) -> None:
        """A 429 after an unknown outcome tells nothing about the first call."""
        calm.fault("drop_before", "POST", path)
        full(calm, "POST", path)
        assert run(calm, charge).uncertain
        due(calm, Charge, charge)
        row = run(calm, charge)
        assert (row.uncertain, row.throttled, row.tries) == (True, 1, 1)
        due(calm, Charge, charge)
        assert run(calm, charge).status == "succeeded"
        place = calm.row(Charge, Charge.id == charge).workspace_id
        assert len(calm.payments(place)) == 1

    def test_one_that_expires_waits_as_well(self, calm: Site) -> None:
        person, place = calm.customer(card=None)
        cast = Cast(person, place)
        save_authenticated_card(calm.shop, cast, "pm_card_authenticationRequired")
        answer = calm.shop.upgrade(person, place.slug, headers=ASYNC)
        charge_id = answer.json["data"]["charge"]["id"]
        row = run(calm, charge_id)
        assert row.status == "requires_action"
        path = f"/v1/payment_intents/{row.stripe_payment_intent_id}/cancel"
        full(calm, "POST", path)
        with calm.app.app_context(), clock.frozen(clock.now() + timedelta(hours=25)):
            action.expire(charge_id)
        row = calm.row(Charge, Charge.id == charge_id)
        assert (row.status, row.tries, row.throttled) == ("requires_action", 1, 1)


class TestBound:
    def test_a_person_is_called_and_the_row_goes_on(self, calm: Site, charge: int) -> None:
        """Stripe answers nothing but errors: marked after ten tries, until the outcome is known."""
        for method in ("GET", "POST"):
            calm.fault("status", method, f"{CREATION}*", status=500, times=100)
        for _ in range(MOST_TRIES):
            row = run(calm, charge)
            assert (row.needs_attention, row.uncertain) == (False, True)
            due(calm, Charge, charge)
        row = run(calm, charge)
        assert (row.needs_attention, row.status, row.tries) == (True, "pending", MOST_TRIES + 1)
        due(calm, Charge, charge)
        calm.shop.control("DELETE", "faults")
        row = run(calm, charge)
        assert (row.status, row.needs_attention) == ("succeeded", False)
        assert len(calm.payments(row.workspace_id)) == 1

    def test_one_that_kills_its_workers_comes_back_once_an_hour(
        self, calm: Site, charge: int
    ) -> None:
        """Nobody came back to say so: the claims are counted."""
        for _ in range(MOST_TRIES + 1):
            with calm.app.app_context(), transaction():
                assert attempts.claim(Charge, charge) is not None
            calm.lapse(Charge)
        row = calm.row(Charge, Charge.id == charge)
        assert row.needs_attention
        assert row.due_at - clock.now() > timedelta(minutes=20)


class TestRefunds:
    def test_a_refund_comes_back_untried(self, calm: Site, charge: int) -> None:
        invoice_id = run(calm, charge).invoice_id
        path = f"/api/admin/invoices/{invoice_id}/refund"
        answer = calm.shop.call("POST", path, calm.admin(), json={"amount": 5}, headers=ASYNC)
        refund_id = answer.json["data"]["refund"]["id"]
        full(calm, "POST", "/v1/refunds")
        for expected in (("pending", 0, 1), ("succeeded", 1, 0)):
            with calm.app.app_context():
                refund_call.run(refund_id)
            row = calm.row(Refund, Refund.id == refund_id)
            assert (row.status, row.tries, row.throttled) == expected
            due(calm, Refund, refund_id)


class TestEvents:
    def stored(self, site: Site, intent: str) -> list[str]:
        """Store three events that each have to ask Stripe about a refund."""
        found = []
        for _ in range(3):
            data = {"object": {"id": "re_1", "object": "refund", "payment_intent": intent}}
            event = made_up("refund.updated", data=data)
            with site.app.app_context():
                assert inbox.store(PLATFORM, event, json.dumps(event))
            found.append(event["id"])
        return found

    def test_the_accounts_events_go_back_after_one_call(self, calm: Site, charge: int) -> None:
        """Thirteen 429s, one a batch: nobody is dead, and all are handled once there is room."""
        intent = run(calm, charge).stripe_payment_intent_id
        assert intent
        ids = self.stored(calm, intent)
        where = WebhookEvent.event_id.in_(ids)
        rounds = inbox.MOST_TRIES + 1
        full(calm, "GET", "/v1/refunds", 100)
        before = len(calm.calls("GET", "/v1/refunds"))
        for times in range(1, rounds + 1):
            with calm.app.app_context():
                assert drain.drain() == 3
            rows = calm.rows(WebhookEvent, where)
            assert {(r.state, r.tries, r.throttled) for r in rows} == {("failed", 0, times)}
            assert {r.last_error for r in rows} == {"Unavailable: rate_limit"}
            assert all(r.due_at > clock.now() for r in rows)
            for row in rows:
                due(calm, WebhookEvent, row.id)
        assert len(calm.calls("GET", "/v1/refunds")) - before == rounds
        calm.shop.control("DELETE", "faults")
        with calm.app.app_context():
            drain.drain()
        rows = calm.rows(WebhookEvent, where)
        assert {(r.state, r.tries, r.throttled) for r in rows} == {(PROCESSED, 1, 0)}
