"""The money path meets late events, lost cancellations, edited metadata and refunds that fail.

Each of these once ended in a payment too many, a workspace that could not pay, or a flag for ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import Thread

import pytest
import sqlalchemy as sa

from payments.idempotency import store
from payments.idempotency.models import IdempotentRequest
from payments.workspaces import answers
from payments.workspaces.charges.action import close_failed_intents
from payments.workspaces.models import Charge, Refund, StripeAnomaly
from payments.workspaces.refunds import call as refund_call
from tests.support import stack
from tests.support.money_site import (
    ASYNC,
    command,
    drive,
    pay_twice,
    read_charge,
    reconcile,
    reserve,
    sign_up_with_card,
    tell,
    upgrade,
    wait_for_holder,
)
from tests.support.shop import eventually
from tests.support.site import Site, open_site
from tests.support.till import browser_authenticates

DISPUTED = "pm_card_createDispute"


@pytest.fixture
def site(tmp_path: Path, sandbox: stack.Sandbox) -> Iterator[Site]:
    """An installation of its own: what is flagged here is flagged by this test."""
    with open_site(tmp_path, sandbox) as made:
        yield made


def status_at_stripe(site: Site, intent: str) -> str:
    return str(site.shop.stripe("GET", f"/v1/payment_intents/{intent}")["status"])


class TestLateEvents:
    def test_a_failure_that_is_told_after_the_success_fails_nothing(self, site: Site) -> None:
        """The holder failed once, tried again and paid; only the failure's event has come."""
        person, charge, intent = wait_for_holder(site, "Late")
        secret, card = intent["client_secret"], charge.stripe_payment_method_id
        browser_authenticates(site.shop, secret, card, outcome="fail")
        browser_authenticates(site.shop, secret, card)
        tell(site, intent["id"], "payment_intent.payment_failed")
        assert read_charge(site, charge.id).status == "succeeded"
        assert person.get(person.home.path).json["data"]["plan"]["slug"] == "starter"

    def test_it_does_not_cancel_what_its_holder_authenticates_now(self, site: Site) -> None:
        _, charge, intent = wait_for_holder(site, "Again")
        secret, card = intent["client_secret"], charge.stripe_payment_method_id
        browser_authenticates(site.shop, secret, card, outcome="fail")
        data = {"client_secret": secret, "payment_method": card}
        running = site.shop.as_browser(f"/v1/payment_intents/{intent['id']}/confirm", data)
        assert running["status"] == "requires_action"
        tell(site, intent["id"], "payment_intent.payment_failed")
        assert status_at_stripe(site, intent["id"]) == "requires_action"
        assert read_charge(site, charge.id).status == "requires_action"

    def test_an_older_event_does_not_unsay_that_money_was_taken(self, site: Site) -> None:
        _, charge, intent = wait_for_holder(site, "Order")
        site.shop.stripe("POST", f"/v1/payment_intents/{intent['id']}", **{"metadata[charge]": ""})
        secret, card = intent["client_secret"], charge.stripe_payment_method_id
        browser_authenticates(site.shop, secret, card)
        tell(site, intent["id"], "payment_intent.succeeded")
        tell(site, intent["id"], "payment_intent.requires_action")
        (stored,) = site.rows(StripeAnomaly)
        assert (stored.status, stored.amount_minor) == ("succeeded", 999)


class TestFailedIntents:
    """A failed charge's PaymentIntent is canceled in the end, whatever happens to the call."""

    def test_a_lost_cancellation_is_made_up_for_by_the_sweep(self, site: Site) -> None:
        charge = self.decline_without_cancellation(site)
        intent = str(charge.stripe_payment_intent_id)
        assert status_at_stripe(site, intent) == "requires_payment_method"
        site.run(
            lambda session: session.execute(sa.update(Charge).values(due_at=charge.created_at))
        )
        with site.app.app_context():
            assert close_failed_intents() == 1
            assert close_failed_intents() == 0
        assert status_at_stripe(site, intent) == "canceled"

    def test_and_by_the_daily_comparison(self, site: Site) -> None:
        charge = self.decline_without_cancellation(site)
        reconcile(site)
        assert status_at_stripe(site, str(charge.stripe_payment_intent_id)) == "canceled"
        assert not read_charge(site, charge.id).needs_attention

    def decline_without_cancellation(self, site: Site) -> Charge:
        person = sign_up_with_card(site, "Declined", "pm_card_chargeCustomerFail")
        site.fault("status", "POST", "/v1/payment_intents/*/cancel", status=500)
        charge = upgrade(site, person)
        assert (charge.status, charge.uncertain) == ("failed", True)
        return charge


def test_a_charge_that_a_former_release_reserved_is_paid_with_its_card(site: Site) -> None:
    """Its web knows no customer on charges; the card must not be dropped for that."""
    person = sign_up_with_card(site, "Former")
    charge_id = reserve(site, person)
    former = sa.update(Charge).values(stripe_customer_id=None, legacy_metadata=True)
    site.run(lambda session: session.execute(former))
    assert drive(site, charge_id).status == "succeeded"
    assert len(site.shop.cards(person, person.home.slug)) == 1


def test_a_charge_whose_payment_disagrees_is_released_once_that_is_refunded(site: Site) -> None:
    """Somebody emptied the metadata at Stripe while the charge waited, then it was paid."""
    person, charge, intent = wait_for_holder(site, "Stuck")
    site.shop.stripe("POST", f"/v1/payment_intents/{intent['id']}", **{"metadata[charge]": ""})
    browser_authenticates(site.shop, intent["client_secret"], charge.stripe_payment_method_id)
    tell(site, intent["id"], "payment_intent.succeeded")
    assert read_charge(site, charge.id).attention_code == "facts_disagree"
    assert command(site, "anomalies", "refund", intent["id"]).exit_code == 0
    assert read_charge(site, charge.id).status == "abandoned"
    assert [r["amount"] for r in site.refunds(intent["id"])] == [999]
    reconcile(site)
    site.shop.save_card(person, person.home.slug)
    card = next(c for c in site.shop.cards(person, person.home.slug) if c["cardLast4"] == "4242")
    assert upgrade(site, person, card=card["id"]).status == "succeeded"


class TestFlags:
    def test_a_refunded_duplicate_is_not_flagged_by_the_next_comparison(self, site: Site) -> None:
        charge = upgrade(site, sign_up_with_card(site, "Twice"))
        second = pay_twice(site, charge)
        assert read_charge(site, charge.id).attention_code == "paid_twice"
        assert command(site, "anomalies", "refund", second).exit_code == 0
        reconcile(site)
        assert not read_charge(site, charge.id).needs_attention

    def test_a_dismissed_mismatch_is_not_flagged_again(self, site: Site) -> None:
        charge = upgrade(site, sign_up_with_card(site, "Edited"))
        second = pay_twice(site, charge)
        assert command(site, "anomalies", "dismiss", second).exit_code == 0
        reconcile(site)
        assert not read_charge(site, charge.id).needs_attention

    def test_a_chargeback_comes_to_the_front_when_a_duplicate_is_settled(self, site: Site) -> None:
        person = sign_up_with_card(site, "Disputed", DISPUTED)
        charge = upgrade(site, person)
        method = site.shop.save_card(person, person.home.slug)
        second = pay_twice(site, charge, method)
        site.shop.control("POST", "clock/advance", {"seconds": 60})
        tell(site, str(charge.stripe_payment_intent_id), "charge.dispute.created")
        assert read_charge(site, charge.id).attention_code == "paid_twice"
        command(site, "anomalies", "refund", second)
        flagged = read_charge(site, charge.id)
        assert (flagged.needs_attention, flagged.attention_code) == (True, "disputed")

    def test_a_person_can_say_that_they_have_looked(self, site: Site) -> None:
        charge = upgrade(site, sign_up_with_card(site, "Looked"))
        marked = sa.update(Charge).values(needs_attention=True, attention_code="not_at_stripe")
        site.run(lambda session: session.execute(marked))
        assert command(site, "charges", "clear-flag", str(charge.id)).exit_code == 0
        assert not read_charge(site, charge.id).needs_attention
        assert command(site, "charges", "clear-flag", str(charge.id)).exit_code == 1
        assert command(site, "refunds", "list").exit_code == 0


def test_a_chargeback_of_a_duplicate_is_stored_beside_it(site: Site) -> None:
    """Whoever refunded it as well would give its money back twice."""
    person = sign_up_with_card(site, "Both")
    charge = upgrade(site, person)
    second = pay_twice(site, charge, site.shop.save_card(person, person.home.slug, DISPUTED))
    site.shop.control("POST", "clock/advance", {"seconds": 60})
    tell(site, second, "charge.dispute.created", "charge.dispute.funds_withdrawn")
    kinds = [stored.kind for stored in site.rows(StripeAnomaly)]
    assert kinds == ["duplicate", "disputed"]
    reconcile(site)
    assert len(site.rows(StripeAnomaly)) == 2


class TestRefundsOfAnomalies:
    def test_one_that_fails_later_opens_the_anomaly_again(self, site: Site) -> None:
        charge = upgrade(site, sign_up_with_card(site, "Back", "pm_card_refundFail"))
        second = pay_twice(site, charge)
        command(site, "anomalies", "refund", second)
        site.shop.control("POST", "clock/advance", {"seconds": 10 * 86_400})
        assert [r["status"] for r in site.refunds(second)] == ["failed"]
        tell(site, second, "refund.failed", "refund.updated", "charge.refund.updated")
        (stored,) = site.rows(StripeAnomaly)
        assert stored.resolved_at is None
        assert read_charge(site, charge.id).attention_code == "paid_twice"

    def test_a_refusal_that_stripe_has_stored_is_not_repeated(self, site: Site) -> None:
        charge = upgrade(site, sign_up_with_card(site, "Poor"))
        second = pay_twice(site, charge)
        error = {"type": "invalid_request_error", "code": "balance_insufficient", "message": "No."}
        site.fault("error", "POST", "/v1/refunds", status=400, error=error, stored=True)
        assert command(site, "anomalies", "refund", second).exit_code == 1
        assert command(site, "anomalies", "refund", second).exit_code == 0


def test_a_worker_that_slept_over_its_lease_sends_no_refund(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stripe has forgotten the key by the time it wakes, and another worker has refunded."""
    charge = upgrade(site, sign_up_with_card(site, "Sleeper"))
    path = f"/api/admin/invoices/{charge.invoice_id}/refund"
    answer = site.shop.call("POST", path, site.admin(), json={"amount": 3}, headers=ASYNC)
    refund_id = answer.json["data"]["refund"]["id"]
    passed, slept = refund_call.steps.passed, []

    def run_another() -> None:
        with site.app.app_context():
            refund_call.run(refund_id)

    def sleep(name: str) -> None:
        if name == "refund.calling" and not slept:
            slept.append(name)
            site.lapse(Refund)
            other = Thread(target=run_another)
            other.start()
            other.join()
            site.shop.control("POST", "clock/advance", {"seconds": 25 * 3600})
            monkeypatch.setattr(refund_call.attempts.clock, "now", lambda: later)
        passed(name)

    later = refund_call.attempts.clock.now() + timedelta(hours=25)
    monkeypatch.setattr(refund_call.steps, "passed", sleep)
    with site.app.app_context():
        refund_call.run(refund_id)
    assert [r["amount"] for r in site.refunds(str(charge.stripe_payment_intent_id))] == [300]


def test_a_stored_500_does_not_keep_a_workspace_from_its_first_card(site: Site) -> None:
    site.fault("stored_500", "POST", "/v1/customers")
    sign_up_with_card(site, "First")


def test_the_same_request_that_came_twice_past_its_lock_makes_one_charge(site: Site) -> None:
    person = sign_up_with_card(site, "Slow")
    method = site.shop.stripe(
        "POST", "/v1/payment_methods", type="card", **{"card[token]": "tok_visa"}
    )["id"]
    site.fault("delay", "GET", f"/v1/payment_methods/{method}", ms=3000, when="before")
    headers, seen = {**ASYNC, "Idempotency-Key": "slow"}, []

    def ask() -> None:
        shop = site.over(site.app.test_client())
        answer = shop.upgrade(person, person.home.slug, card=method, headers=headers)
        seen.append(answer.status_code)

    first = Thread(target=ask)
    first.start()
    eventually(lambda: site.rows(IdempotentRequest))
    eventually(lambda: not site.shop.control("GET", "faults")["data"])
    site.unlock()
    ask()
    drive(site, site.row(Charge, Charge.workspace_id == person.home.id).id)
    first.join()
    assert seen == [202, 202] or sorted(seen) == [200, 202]
    assert len(site.rows(Charge, Charge.workspace_id == person.home.id)) == 1


def test_a_charge_that_is_paid_while_it_is_answered_for_is_no_402(site: Site) -> None:
    _, charge, intent = wait_for_holder(site, "Quick")
    browser_authenticates(site.shop, intent["client_secret"], charge.stripe_payment_method_id)
    with site.app.app_context():
        assert answers.settled(read_charge(site, charge.id)) is True


def test_lapsed_client_keys_are_forgotten_batch_by_batch(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = sign_up_with_card(site, "Keys")
    for number in range(5):
        site.shop.upgrade(
            person, person.home.slug, "none", headers={"Idempotency-Key": f"{number}"}
        )
    long_ago = sa.update(IdempotentRequest).values(
        created_at=IdempotentRequest.created_at - sa.text("INTERVAL '2 days'")
        if site.settings.database_url.startswith("postgres")
        else sa.func.datetime(IdempotentRequest.created_at, "-2 days")
    )
    site.run(lambda session: session.execute(long_ago))
    monkeypatch.setattr(store, "BATCH", 2)
    with site.app.app_context():
        assert store.prune() == 5
    assert site.rows(IdempotentRequest) == []
