"""The daily comparison of our own account: no payment, refund or card that only Stripe knows of."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from payments.invoices.models import Invoice
from payments.kit import clock
from payments.workspaces.charges import call
from payments.workspaces.compare import compare, payments
from payments.workspaces.models import Charge, Dispute, PaymentMethod, Refund, Workspace
from tests.support import stack
from tests.support.drift import Found, change, compared, rows
from tests.support.people import Place
from tests.support.site import Site, open_site
from tests.support.strangers import anomalies_of, create_customer, pay_again, pay_at_stripe
from tests.support.till import (
    CONFIRMATIONS,
    PAYMENT_INTENTS,
    installation_of,
    payments_at_stripe,
)

TABLES = (Charge, Refund, PaymentMethod, Invoice, Workspace)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, sandbox: stack.Sandbox) -> Iterator[Site]:
    """An installation with an account of its own, and no worker but the test."""
    with open_site(tmp_path_factory.mktemp("drift"), sandbox, own_redis=True) as made:
        yield made


@pytest.fixture
def till(site: Site) -> Iterator[Till]:
    yield Till(site)
    site.shop.control("DELETE", "faults")
    site.clear()


class Till:
    """A workspace that pays for the starter plan, and what the comparison says of it."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def ordered(self, card: str = "pm_card_visa") -> int:
        """Reserve a charge; return its id."""
        person, self.place = self.site.customer(card)
        headers = {"Prefer": "respond-async"}
        answer = self.site.shop.upgrade(person, self.place.slug, headers=headers)
        return int(answer.json["data"]["charge"]["id"])

    def paid(self, card: str = "pm_card_visa") -> Charge:
        return self.run(self.ordered(card))

    def run(self, charge_id: int) -> Charge:
        with self.site.app.app_context():
            call.run(charge_id)
        return self.charge(charge_id)

    def charge(self, charge_id: int) -> Charge:
        return self.site.row(Charge, Charge.id == charge_id)

    def invoice(self, charge: Charge) -> Invoice:
        return self.site.row(Invoice, Invoice.id == charge.invoice_id)

    def again(self, charge: Charge, **facts: Any) -> str:
        """Let Stripe take the money of a charge once more, as a bug might."""
        return pay_again(self.site.app, self.site.shop, charge.id, **facts)

    def stray(self) -> str:
        """Let Stripe take money under this installation's name, for a charge that is not here."""
        shop = self.site.shop
        names = {"installation": installation_of(self.site.app), "charge": uuid4().hex}
        return pay_at_stripe(shop, create_customer(shop), names)

    def give_back(self, charge: Charge, amount: int) -> str:
        """Refund in the dashboard."""
        intent = charge.stripe_payment_intent_id
        made = self.site.shop.stripe("POST", "/v1/refunds", payment_intent=intent, amount=amount)
        return str(made["id"])

    def compare(self, **options: Any) -> Found:
        return compared(self.site.app, "platform", by=compare, **options)

    def told(self, key: object, **options: Any) -> set[tuple[str, str | None, str | None, bool]]:
        """Compare, and return what was said of one object."""
        found = self.compare(**options).differences
        return {(d.field, d.ours, d.theirs, d.fixed) for d in found if d.object_id == str(key)}


class TestCharges:
    def test_one_whose_answer_was_lost_is_recorded(self, till: Till) -> None:
        charge_id = till.ordered()
        till.site.fault("drop_after", "POST", CONFIRMATIONS)
        assert till.run(charge_id).status == "pending"
        before = [rows(till.site.app, model) for model in TABLES]
        told = {("status", "pending", "succeeded")}
        assert {each[:3] for each in till.told(charge_id, dry_run=True)} == told
        assert [rows(till.site.app, model) for model in TABLES] == before
        assert till.told(charge_id) == {("status", "pending", "succeeded", True)}
        charge = till.charge(charge_id)
        assert (charge.status, till.invoice(charge).status) == ("succeeded", "paid")
        assert till.told(charge_id) == set()

    def test_one_that_a_worker_is_at_is_left_to_him(self, till: Till) -> None:
        charge_id = till.ordered()
        till.site.fault("drop_after", "POST", CONFIRMATIONS)
        till.run(charge_id)
        soon = clock.now() + timedelta(seconds=60)
        change(till.site.app, Charge, Charge.id == charge_id, leased_until=soon)
        assert till.told(charge_id) == set()

    def test_another_amount_is_told_and_never_changed(self, till: Till) -> None:
        charge = till.paid()
        values = {"amount_minor": 500, "currency": "eur"}
        change(till.site.app, Charge, Charge.id == charge.id, **values)
        told = {
            ("amount", "500", "999", False),
            ("amount_received", "500", "999", False),
            ("currency", "eur", "usd", False),
        }
        assert till.told(charge.id, dry_run=True) == told
        assert not till.charge(charge.id).needs_attention
        assert till.told(charge.id) == told
        after = till.charge(charge.id)
        assert (after.amount_minor, after.currency, after.needs_attention) == (500, "eur", True)

    def test_a_payment_of_ours_without_a_charge_is_told(self, till: Till) -> None:
        own, stray = till.paid().id, till.stray()
        told = {("row", None, "succeeded", False)}
        assert till.told(stray, dry_run=True) == told
        assert anomalies_of(till.site.app, stray) == []
        assert till.told(stray) == told
        assert till.told(own) == set()
        (anomaly,) = anomalies_of(till.site.app, stray)
        assert (anomaly["kind"], anomaly["amount_minor"]) == ("unknown_row", 999)

    def test_a_strangers_payment_with_a_charges_number_means_nothing(self, till: Till) -> None:
        """Row numbers are the same in every database that uses the account."""
        charge = till.paid()
        names = {"charge_id": str(charge.id), "workspace_id": str(charge.workspace_id)}
        shop = till.site.shop
        stranger = pay_at_stripe(shop, create_customer(shop), names, amount=50)
        assert till.told(charge.id) == till.told(stranger) == set()

    def test_a_payment_with_our_names_and_other_facts_is_told_and_never_applied(
        self, till: Till
    ) -> None:
        charge = till.charge(till.ordered())
        intent = till.again(charge, amount=50)
        told = {
            ("amount", "999", "50", False),
            ("amount_received", "999", "50", False),
            ("status", "pending", "succeeded", False),
        }
        assert till.told(charge.id) == told
        after = till.charge(charge.id)
        assert (after.status, after.attention_code) == ("pending", "facts_disagree")
        (anomaly,) = anomalies_of(till.site.app, intent)
        assert (anomaly["kind"], anomaly["amount_minor"]) == ("mismatch", 50)

    def test_one_that_was_created_and_given_up_is_canceled(self, till: Till) -> None:
        """The answer to its creation was lost, and nobody will ever confirm it."""
        charge_id = till.ordered()
        till.site.fault("drop_after", "POST", PAYMENT_INTENTS)
        till.run(charge_id)
        change(till.site.app, Charge, Charge.id == charge_id, status="abandoned")
        (made,) = payments_at_stripe(till.site.shop, charge_id)
        told = {("status", "abandoned", "requires_confirmation")}
        assert {each[:3] for each in till.told(charge_id, dry_run=True)} == told
        assert payments_at_stripe(till.site.shop, charge_id)[0]["status"] == made["status"]
        assert till.told(charge_id) == {("status", "abandoned", "requires_confirmation", True)}
        assert payments_at_stripe(till.site.shop, charge_id)[0]["status"] == "canceled"
        assert till.told(charge_id) == set()

    def test_one_that_was_given_up_and_paid_after_all_is_recorded(self, till: Till) -> None:
        charge_id = till.ordered()
        till.site.fault("drop_after", "POST", CONFIRMATIONS)
        till.run(charge_id)
        change(till.site.app, Charge, Charge.id == charge_id, status="abandoned")
        assert till.told(charge_id) == {("status", "abandoned", "succeeded", True)}
        assert till.charge(charge_id).status == "succeeded"

    def test_a_charge_that_stripe_does_not_know_is_told(self, till: Till) -> None:
        charge = till.paid()
        values = {"stripe_payment_intent_id": "pi_gone", "created_at": clock.now() - 9 * HOUR}
        change(till.site.app, Charge, Charge.id == charge.id, **values)
        told = till.told(charge.id)
        assert ("row", "succeeded", None, False) in told
        after = till.charge(charge.id)
        assert (after.status, after.needs_attention) == ("succeeded", True)

    def test_a_charge_that_no_page_shows_is_looked_at(
        self, till: Till, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A list may lack what was made a moment ago: nothing is lost for that."""
        charge = till.paid()
        past = clock.now() - 9 * HOUR
        change(till.site.app, Charge, Charge.id == charge.id, created_at=past)
        read = payments.Window.read

        def lacking(self: Any, listed: dict[str, int], **more: Any) -> Any:
            listed.pop(str(charge.stripe_payment_intent_id), None)
            return read(self, listed, **more)

        monkeypatch.setattr(payments.Window, "read", lacking)
        assert till.told(charge.id) == set()
        assert not till.charge(charge.id).needs_attention

    def test_paid_twice_is_told_loudly(self, till: Till, caplog: pytest.LogCaptureFixture) -> None:
        charge = till.paid()
        second = till.again(charge)
        with caplog.at_level(logging.ERROR):
            told = till.told(charge.id)
        assert told == {("duplicate", charge.stripe_payment_intent_id, second, False)}
        assert any(
            f"charge {charge.id} " in line and "duplicate" in line for line in caplog.messages
        )
        assert till.charge(charge.id).needs_attention

    def test_paid_twice_and_neither_recorded(self, till: Till) -> None:
        """Both stand on one page: the newer is recorded, the other one told of."""
        charge = till.charge(till.ordered())
        first, second = till.again(charge), till.again(charge)
        told = till.told(charge.id)
        assert told == {
            ("status", "pending", "succeeded", True),
            ("duplicate", second, first, False),
        }
        assert till.charge(charge.id).stripe_payment_intent_id == second

    def test_one_that_breaks_stops_nobody(
        self, till: Till, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ids = [till.ordered(), till.ordered()]
        for charge_id in ids:
            till.site.fault("drop_after", "POST", CONFIRMATIONS)
            till.run(charge_id)
        record = payments.apply_payment

        def broken(charge_id: int, *more: Any, **options: Any) -> None:
            if charge_id == ids[1]:
                raise RuntimeError("planted")
            record(charge_id, *more, **options)

        monkeypatch.setattr(payments, "apply_payment", broken)
        assert till.compare().counts["failed"] == 1
        assert [till.charge(charge_id).status for charge_id in ids] == ["succeeded", "pending"]


HOUR = timedelta(hours=1)


class TestRefunds:
    def test_one_of_the_dashboard_gets_its_row(self, till: Till) -> None:
        charge = till.paid()
        made = till.give_back(charge, 300)
        assert till.told(made, dry_run=True) == {("row", None, "succeeded", False)}
        assert till.invoice(charge).refunded_minor == 0
        found = till.compare()
        assert (made, "row", None, "succeeded") in found.told
        assert (found.missing, found.fixed) >= (1, 1)
        row = till.site.row(Refund, Refund.stripe_refund_id == made)
        assert (row.status, row.amount_minor, till.invoice(charge).refunded_minor) == (
            "succeeded", 300, 300,
        )  # fmt: skip
        assert till.told(made) == set()

    def test_one_that_failed_later_is_taken_back(self, till: Till) -> None:
        charge = till.paid("pm_card_refundFail")
        made = till.give_back(charge, 999)
        till.compare()
        assert till.invoice(charge).status == "refunded"
        till.site.shop.control("POST", "clock/advance", {"seconds": 60})
        assert till.told(made) == {("status", "succeeded", "failed", True)}
        assert (till.invoice(charge).status, till.invoice(charge).refunded_minor) == ("paid", 0)

    def test_another_amount_is_told_and_never_changed(self, till: Till) -> None:
        made = till.give_back(till.paid(), 300)
        till.compare()
        change(till.site.app, Refund, Refund.stripe_refund_id == made, amount_minor=299)
        assert till.told(made) == {("amount", "299", "300", False)}
        row = till.site.row(Refund, Refund.stripe_refund_id == made)
        assert (row.amount_minor, row.needs_attention) == (299, True)


class TestDisputes:
    def disputed(self, till: Till) -> tuple[Charge, str]:
        """Let a bank take a payment back, and no event tell of it."""
        charge = till.paid("pm_card_createDispute")
        till.site.shop.control("POST", "clock/advance", {"seconds": 60})
        intent = charge.stripe_payment_intent_id
        (made,) = till.site.shop.stripe("GET", "/v1/disputes", payment_intent=intent)["data"]
        return charge, str(made["id"])

    def test_a_dispute_without_events_gets_its_row(self, till: Till) -> None:
        charge, dispute = self.disputed(till)
        other = till.paid()
        assert till.told(dispute, dry_run=True) == {("row", None, "needs_response", False)}
        assert till.site.rows(Dispute, Dispute.stripe_dispute_id == dispute) == []
        assert till.told(dispute) == {("row", None, "needs_response", True)}
        row = till.site.row(Dispute, Dispute.stripe_dispute_id == dispute)
        assert (row.charge_id, row.invoice_id) == (charge.id, charge.invoice_id)
        assert till.charge(charge.id).needs_attention
        assert not till.charge(other.id).needs_attention
        assert till.told(dispute) == set()

    def test_an_outcome_without_events_is_taken_over(self, till: Till) -> None:
        charge, dispute = self.disputed(till)
        till.compare()
        till.site.shop.stripe("POST", f"/v1/disputes/{dispute}/close")
        assert till.told(dispute) == {("status", "needs_response", "lost", True)}
        row = till.site.row(Dispute, Dispute.stripe_dispute_id == dispute)
        assert (row.status, row.closed_at is None) == ("lost", False)
        assert not till.charge(charge.id).needs_attention

    def test_a_final_status_that_stripe_revived_is_told_and_kept(self, till: Till) -> None:
        _, dispute = self.disputed(till)
        till.compare()
        is_it = Dispute.stripe_dispute_id == dispute
        change(till.site.app, Dispute, is_it, status="won", closed_at=clock.now())
        assert till.told(dispute) == {("status", "won", "needs_response", False)}
        assert till.site.row(Dispute, is_it).status == "won"

    def test_a_dispute_that_has_been_open_for_long_is_still_listed(self, till: Till) -> None:
        """120 days later the list would no longer reach it, were it not for the open row."""
        _, dispute = self.disputed(till)
        till.compare()
        till.site.shop.stripe("POST", f"/v1/disputes/{dispute}/close")
        with clock.frozen(clock.now() + timedelta(days=200)):
            assert ("status", "needs_response", "lost", True) in till.told(dispute)


class TestCards:
    def method(self, site: Site, place: Place) -> PaymentMethod:
        return site.row(PaymentMethod, PaymentMethod.workspace_id == place.id)

    def test_a_detached_one_is_dropped(self, till: Till) -> None:
        _, place = till.site.customer()
        key = self.method(till.site, place).stripe_payment_method_id
        till.site.shop.stripe("POST", f"/v1/payment_methods/{key}/detach")
        assert till.told(key, dry_run=True) == {("attached", "true", "false", False)}
        assert self.method(till.site, place).is_active
        assert till.told(key) == {("attached", "true", "false", True)}
        assert not self.method(till.site, place).is_active

    def test_a_renewed_one_is_taken_over(self, till: Till) -> None:
        _, place = till.site.customer()
        held = self.method(till.site, place)
        key, year = held.stripe_payment_method_id, held.card_exp_year
        change(till.site.app, PaymentMethod, PaymentMethod.id == held.id, card_exp_year=2024)
        assert till.told(key) == {("card_exp_year", "2024", str(year), True)}
        assert self.method(till.site, place).card_exp_year == year

    def test_what_the_list_lacks_is_looked_at_before_it_is_dropped(self, till: Till) -> None:
        _, place = till.site.customer()
        held = self.method(till.site, place)
        path = f"/v1/customers/{held.stripe_customer_id}/payment_methods"
        till.site.fault("status", "GET", path, status=404)
        assert till.told(held.stripe_payment_method_id) == set()
        assert self.method(till.site, place).is_active

    def test_with_the_customer_all_his_cards_are_gone(self, till: Till) -> None:
        _, place = till.site.customer()
        held = self.method(till.site, place)
        till.site.shop.stripe("DELETE", f"/v1/customers/{held.stripe_customer_id}")
        assert till.told(held.stripe_payment_method_id) == {("attached", "true", "false", True)}


def test_in_the_other_mode_there_is_nothing_of_ours(till: Till) -> None:
    till.again(till.paid())
    assert till.compare(mode="live").seen == 0


def test_slice_by_slice_nothing_is_lost(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    charges = [till.paid() for _ in range(3)]
    monkeypatch.setattr("payments.gateway.object_lists.PAGE", 2)
    made = [till.give_back(charge, 100) for charge in charges]
    found = till.compare(seconds=-1)
    assert {each[0] for each in found.told} >= set(made)
    assert till.site.read(lambda s: s.scalar(sa.select(sa.func.count(Refund.id)))) >= 3
    assert len(found.slices) > 6
