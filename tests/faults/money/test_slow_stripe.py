"""Stripe takes longer over a request than we wait for its answer: the money moves once.

While the first request runs, Stripe answers every other one under its key with 409
`idempotency_key_in_use`. That is no try and no reason for another key.
https://docs.stripe.com/api/idempotent_requests
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from payments.gateway import client
from payments.invoices.models import Invoice
from payments.workspaces.attempts import UNKNOWN_AFTER
from payments.workspaces.models import Refund
from tests.support.errands import (
    CONFIRMATION,
    CREATION,
    REFUND,
    Errand,
    reserve_charge,
    reserve_refund,
)
from tests.support.shop import eventually
from tests.support.site import Site

# The client gives up after a second, and Stripe has its answer seven seconds later.
WAIT_SECONDS, SLOW_MS = 1, 8000
# More than the tries after which a former release took another key.
LOOKS = 6
# What an operator gives back, in minor units and as the API names it.
PART, PART_NAMED = 300, 3.0


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "WORKER_READ_SECONDS", WAIT_SECONDS)


@pytest.fixture
def site(site: Site) -> Iterator[Site]:
    """The installation without a worker: the test drives the rows."""
    site.clear()
    yield site
    site.shop.control("DELETE", "faults")
    site.clear()


def hold(errand: Errand, when: str) -> None:
    """Let Stripe take its time, and let our wait be over before its answer."""
    errand.fault("delay", ms=SLOW_MS, when=when)
    row = errand.run()
    assert (row.status, row.uncertain, row.tries) == ("pending", True, 1)


def settle(errand: Errand) -> None:
    """Drive the row until its outcome is known, and wait for the slow request's end."""
    first = errand.key if errand.path != CONFIRMATION else errand.keys[0]
    eventually(lambda: errand.again().status == "succeeded", every=0.3)
    eventually(lambda: any(c["status"] == 200 for c in requests_under(errand, first)))


def requests_under(errand: Errand, key: str) -> list[dict[str, Any]]:
    calls = errand.site.calls("POST", errand.path)
    return [call for call in calls if call["idempotency_key"] == key]


class TestCharges:
    def test_a_creation_in_progress_is_waited_for_under_its_key(self, site: Site) -> None:
        """Nothing is listed yet and 409 is no try: after six looks it is the first try still."""
        charge = reserve_charge(site, CREATION)
        hold(charge, "before")
        for _ in range(LOOKS):
            row = charge.again()
            assert (row.status, row.uncertain, row.tries) == ("pending", True, 1)
        assert charge.sent == [charge.key] * LOOKS
        settle(charge)
        assert set(charge.sent) == {charge.key}
        assert (len(charge.payments), charge.moved) == (1, [999])

    def test_a_creation_whose_answer_is_late_is_found_in_the_list(self, site: Site) -> None:
        """Made, but not answered: its PaymentIntent is confirmed, and no other one is created."""
        charge = reserve_charge(site, CREATION)
        hold(charge, "after")
        assert charge.again().status == "succeeded"
        eventually(lambda: charge.sent)
        assert charge.sent == [charge.key]
        assert (len(charge.payments), charge.moved) == (1, [999])

    @pytest.mark.parametrize("when", ["before", "after"])
    def test_a_slow_confirmation_takes_the_money_once(self, site: Site, when: str) -> None:
        """Before or after Stripe has taken it: a second confirmation finds the same object."""
        charge = reserve_charge(site, CONFIRMATION)
        hold(charge, when)
        assert charge.again().status == "succeeded"
        eventually(lambda: requests_under(charge, charge.keys[0]))  # the slow one has ended
        assert [p["status"] for p in charge.payments] == ["succeeded"]
        (taken,) = site.shop.stripe("GET", "/v1/charges", payment_intent=charge.payments[0]["id"])[
            "data"
        ]
        assert taken["amount_captured"] == 999
        assert charge.run().status == "succeeded"

    def test_an_outcome_unknown_for_minutes_is_shown_until_it_is_known(self, site: Site) -> None:
        """An operator sees it, and nobody has to take the flag back."""
        charge = reserve_charge(site, CREATION)
        hold(charge, "before")
        charge.change(first_called_at=charge.row.first_called_at - UNKNOWN_AFTER)
        row = charge.again()
        assert (row.needs_attention, row.attention_code) == (True, "outcome_unknown")
        settle(charge)
        assert (charge.row.needs_attention, charge.row.attention_code) == (False, None)

    def test_one_given_up_while_it_is_created_is_never_confirmed(
        self, site: Site, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The owner gives up during the call: its PaymentIntent comes too late to be stored."""
        monkeypatch.setattr(client, "WORKER_READ_SECONDS", 30)
        charge = reserve_charge(site, CREATION)
        charge.fault("delay", ms=3000, when="before")
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(charge.run)
            eventually(lambda: not site.shop.control("GET", "faults")["data"])
            give_up(charge)
            running.result(20)
        assert charge.row.status == "abandoned"
        assert [p["status"] for p in charge.payments] == ["requires_confirmation"]
        assert charge.again().status == "abandoned"
        assert charge.moved == []

    def test_one_given_up_during_its_confirmation_is_never_paid(self, site: Site) -> None:
        """Canceled at Stripe before the slow request took effect: that one finds nothing."""
        charge = reserve_charge(site, CONFIRMATION)
        hold(charge, "before")
        give_up(charge)
        eventually(lambda: charge.sent)
        assert charge.row.status == "canceled"
        assert [p["status"] for p in charge.payments] == ["canceled"]


def give_up(charge: Errand) -> None:
    """Cancel the charge as the workspace's owner does."""
    path = f"{charge.place.payments}/charges/{charge.id}/cancel"
    answer = charge.site.shop.call("POST", path, charge.person)
    assert answer.status_code == 200, answer.text


class TestUnconfirmed:
    """A PaymentIntent was created, and nobody came to confirm it."""

    @pytest.fixture
    def left(self, site: Site) -> Errand:
        """A stored 500 has left a PaymentIntent behind."""
        charge = reserve_charge(site, CREATION)
        charge.fault("stored_500", effect=True)
        assert charge.run().status == "pending"
        assert [p["status"] for p in charge.payments] == ["requires_confirmation"]
        return charge

    def test_the_next_run_confirms_it(self, left: Errand) -> None:
        assert left.again().status == "succeeded"
        assert (len(left.payments), left.moved) == (1, [999])

    def test_its_owner_can_give_it_up_and_upgrade_anew(self, site: Site, left: Errand) -> None:
        give_up(left)
        assert left.row.status == "canceled"
        assert [p["status"] for p in left.payments] == ["canceled"]
        assert site.row(Invoice, Invoice.id == left.row.invoice_id).status == "failed"
        upgrade = site.shop.upgrade(
            left.person, left.place.slug, headers={"Prefer": "respond-async"}
        )
        assert upgrade.status_code == 202, upgrade.text

    @pytest.mark.parametrize("ahead", [400, 3600], ids=["400 s", "an hour"])
    def test_it_is_found_although_our_clock_was_ahead(self, left: Errand, ahead: int) -> None:
        """By our clock the charge was reserved after its PaymentIntent had been created."""
        left.change(created_at=left.row.created_at + timedelta(seconds=ahead))
        assert left.again().status == "succeeded"
        assert (left.sent, left.moved) == ([left.key], [999])


class TestRefunds:
    @pytest.fixture
    def refund(self, site: Site) -> Errand:
        """A reserved refund of 3.00 of 9.99."""
        charge = reserve_charge(site, CREATION)
        assert charge.run().status == "succeeded"
        return reserve_refund(charge, amount=PART_NAMED)

    def test_one_in_progress_is_waited_for_under_its_key(self, refund: Errand) -> None:
        """3.00 asked for, 3.00 given back: 409 is no try and there is no other key."""
        hold(refund, "before")
        for _ in range(LOOKS):
            row = refund.again()
            assert (row.status, row.uncertain, row.tries) == ("pending", True, 1)
        assert refund.sent == [refund.key] * LOOKS
        settle(refund)
        assert set(refund.sent) == {refund.key}
        self.assert_given_once(refund)

    def test_one_whose_answer_is_late_is_found_in_the_list(self, refund: Errand) -> None:
        hold(refund, "after")
        assert refund.again().status == "succeeded"
        eventually(lambda: refund.sent)
        assert refund.sent == [refund.key]
        self.assert_given_once(refund)

    def test_one_that_somebody_made_up_for_meanwhile_waits_for_a_person(
        self, site: Site, refund: Errand
    ) -> None:
        """The dashboard's 3.00 may be meant instead of ours: ours is not sent again.

        Stripe's refund seems to be the older one, as our clock is a minute ahead.
        """
        refund.change(created_at=refund.row.created_at + timedelta(minutes=1))
        refund.fault("drop_before")
        assert refund.run().status == "pending"
        paid = refund.payments[0]["id"]
        site.shop.stripe("POST", REFUND, payment_intent=paid, amount=PART)
        row = refund.again()
        assert (row.status, row.attention_code) == ("pending", "refunded_elsewhere")
        assert len(refund.sent) == 1
        self.assert_given_once(refund)

    def assert_given_once(self, refund: Errand) -> None:
        assert [made["amount"] for made in refund.made] == [PART]
        invoice = refund.site.row(Invoice, Invoice.id == refund.row.invoice_id)
        assert (invoice.status, invoice.refunded_minor) == ("paid", PART)
        counted = Refund.invoice_id == invoice.id, Refund.status == "succeeded"
        assert len(refund.site.rows(Refund, *counted)) == 1
