"""Stripe's object is the truth, however late it comes and whatever we had concluded without it.

A refund that Stripe refused, or that we gave up, has been made after all: requests that ended in a
500 may be finished later, by Stripe's own people too. https://docs.stripe.com/error-low-level
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from payments.installation.names import make_metadata
from payments.invoices.models import Invoice
from payments.kit import clock
from payments.runs.slices import Difference
from payments.runs.walk import Tally
from payments.webhooks import drain
from payments.workspaces.attempts import KEY_LIVES
from payments.workspaces.compare.job import opened
from payments.workspaces.compare.payments import compare_payments
from payments.workspaces.compare.refunds import compare_refunds
from payments.workspaces.refunds.follow import look_at_submitted
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

OLD = KEY_LIVES + timedelta(minutes=1)
REFUSAL = {"type": "invalid_request_error", "code": "charge_disputed", "message": "It is disputed."}
GIVEN = 300


@pytest.fixture
def site(site: Site) -> Iterator[Site]:
    """The installation without a worker: the test drives the rows."""
    site.clear()
    yield site
    site.shop.control("DELETE", "faults")
    site.clear()


def compare(site: Site, step: Any, *, dry_run: bool = False) -> list[Difference]:
    """Run one phase of the daily comparison to its end; return what it found."""
    found, place = Tally(), {}
    with site.app.app_context():
        job = opened(dry_run=dry_run, actor="sweep")
        while place is not None:
            place = step(job, place, found)
    return found.differences


def tell(site: Site, kind: str, object_id: str) -> None:
    """Deliver Stripe's event about an object, and handle it."""
    (event, *_) = site.shop.events(kind, object_id)
    assert site.shop.deliver(event).status_code == 200
    with site.app.app_context():
        drain.drain()


@dataclass
class Late:
    """A refund that our row calls failed or abandoned, and that Stripe makes after all."""

    errand: Errand

    def make(self) -> str:
        """Let Stripe finish the request; return the refund's id."""
        site, row = self.errand.site, self.errand.row
        with site.app.app_context():
            names = make_metadata(refund=row.reference)
        held = {f"metadata[{name}]": value for name, value in names.items()}
        paid = self.errand.payments[0]["id"]
        made = site.shop.stripe("POST", REFUND, payment_intent=paid, amount=GIVEN, **held)
        return str(made["id"])

    def assert_booked(self) -> None:
        row = self.errand.row
        assert (row.status, row.stripe_refund_id) == ("succeeded", self.errand.made[0]["id"])
        invoice = self.errand.site.row(Invoice, Invoice.id == row.invoice_id)
        assert (invoice.refunded_minor, len(self.errand.made)) == (GIVEN, 1)


@pytest.fixture
def card() -> str:
    return "pm_card_visa"


@pytest.fixture(params=["failed", "abandoned"])
def late(request: pytest.FixtureRequest, site: Site, card: str) -> Late:
    """Stripe refused it, or it was never heard of for a day."""
    charge = reserve_charge(site, CREATION, card=card)
    assert charge.run().status == "succeeded"
    refund = reserve_refund(charge, amount=GIVEN / 100)
    if request.param == "failed":
        refund.fault("error", status=400, error=REFUSAL)
    else:
        refund.fault("drop_before")
        refund.run()
        refund.age(OLD)
    row = refund.run()
    assert (row.status, row.stripe_refund_id) == (request.param, None)
    return Late(refund)


class TestRefundMadeAfterAll:
    def test_its_event_brings_the_row_to_succeeded(self, site: Site, late: Late) -> None:
        tell(site, "refund.created", late.make())
        late.assert_booked()

    def test_the_comparison_brings_the_row_to_succeeded(self, site: Site, late: Late) -> None:
        """And reports it: on a dry run without touching anything."""
        made, ours = late.make(), late.errand.row.status
        told = Difference("refund", made, "status", ours, "succeeded", fixed=False)
        assert told in compare(site, compare_refunds, dry_run=True)
        assert late.errand.row.status == ours
        found = [d for d in compare(site, compare_refunds) if d.object_id == made]
        assert [(d.field, d.ours, d.theirs, d.fixed) for d in found] == [
            ("status", ours, "succeeded", True)
        ]
        late.assert_booked()

    @pytest.mark.parametrize("card", ["pm_card_pendingRefund"])
    def test_the_follow_up_brings_the_row_to_succeeded(self, site: Site, late: Late) -> None:
        """First told of as pending; its payout is never told of, and is asked for."""
        made = late.make()
        tell(site, "refund.created", made)
        assert late.errand.row.status == "submitted"
        paid_out = f"{REFUND}/{made}"
        eventually(lambda: site.shop.stripe("GET", paid_out)["status"] == "succeeded")
        late.errand.come_due()
        with site.app.app_context():
            look_at_submitted()
        late.assert_booked()


class TestRefusalThatTookEffect:
    """Stripe says no, and has done it: its object is looked at before anything is called failed."""

    def test_a_refund_that_was_uncertain_is_found_in_the_list(self, site: Site) -> None:
        charge = reserve_charge(site, CREATION)
        assert charge.run().status == "succeeded"
        refund = reserve_refund(charge)
        refund.fault("drop_before")
        assert refund.run().status == "pending"
        refund.fault("error", status=400, error=REFUSAL, effect=True)
        assert refund.again().status == "succeeded"
        assert (refund.sent, refund.moved) == ([refund.key] * 2, [999])

    def test_a_payment_intent_that_cannot_be_canceled_is_paid(self, site: Site) -> None:
        charge = reserve_charge(site, CONFIRMATION)
        charge.fault("error", status=400, error=REFUSAL, effect=True)
        assert charge.run().status == "succeeded"
        assert charge.moved == [999]

    def test_a_payment_intent_that_took_nothing_is_canceled(self, site: Site) -> None:
        charge = reserve_charge(site, CONFIRMATION)
        charge.fault("error", status=400, error=REFUSAL)
        row = charge.run()
        assert (row.status, row.error_code) == ("failed", "stripe_error")
        assert [p["status"] for p in charge.payments] == ["canceled"]


class TestComparisonOfRefunds:
    @pytest.mark.parametrize("ours", ["pending", "abandoned", "submitted", "failed", "canceled"])
    def test_it_reports_every_status_that_is_not_stripes(self, site: Site, ours: str) -> None:
        """What the writer's own guard refuses is flagged for a person instead of passed over."""
        charge = reserve_charge(site, CREATION)
        charge.run()
        refund = reserve_refund(charge)
        made = refund.run().stripe_refund_id
        refund.change(status=ours)
        found = [d for d in compare(site, compare_refunds) if d.object_id == made]
        is_final = ours in {"failed", "canceled"}
        assert [(d.field, d.ours, d.theirs, d.fixed) for d in found] == [
            ("status", ours, "succeeded", not is_final)
        ]
        row = refund.row
        assert row.status == (ours if is_final else "succeeded")
        assert row.attention_code == ("facts_disagree" if is_final else None)


class TestChargePaidAfterAll:
    """We gave up, or Stripe canceled nothing in time: its PaymentIntent says that it was paid."""

    @pytest.fixture(params=["abandoned", "failed"])
    def given_up(self, request: pytest.FixtureRequest, site: Site) -> Errand:
        """A charge that is over for us, and paid at Stripe."""
        charge = reserve_charge(site, CREATION)
        charge.fault("drop_after")
        assert charge.run().status == "pending"
        charge.change(status=request.param, due_at=clock.now())
        site.shop.stripe(
            "POST", f"{CREATION}/{charge.payments[0]['id']}/confirm", off_session="true"
        )
        assert charge.moved == [999]
        return charge

    def test_its_event_brings_the_row_to_succeeded(self, site: Site, given_up: Errand) -> None:
        tell(site, "payment_intent.succeeded", given_up.payments[0]["id"])
        self.assert_booked(given_up)

    def test_the_comparison_brings_the_row_to_succeeded(self, site: Site, given_up: Errand) -> None:
        ours = given_up.row.status
        found = [d for d in compare(site, compare_payments) if d.object_id == str(given_up.id)]
        assert [(d.field, d.ours, d.theirs, d.fixed) for d in found] == [
            ("status", ours, "succeeded", True)
        ]
        self.assert_booked(given_up)

    def assert_booked(self, charge: Errand) -> None:
        row = charge.row
        assert (row.status, row.stripe_payment_intent_id) == (
            "succeeded",
            charge.payments[0]["id"],
        )
        assert charge.site.row(Invoice, Invoice.id == row.invoice_id).status == "paid"


class TestChargeLeftUnconfirmed:
    def test_the_comparison_cancels_it(self, site: Site) -> None:
        """Given up while its PaymentIntent was not known: nobody can pay it later."""
        charge = reserve_charge(site, CREATION)
        charge.fault("drop_after")
        assert charge.run().status == "pending"
        charge.change(status="abandoned")
        found = [d for d in compare(site, compare_payments) if d.object_id == str(charge.id)]
        assert [(d.field, d.ours, d.theirs, d.fixed) for d in found] == [
            ("status", "abandoned", "requires_confirmation", True)
        ]
        assert [p["status"] for p in charge.payments] == ["canceled"]
        assert compare_again(site, charge) == []


def compare_again(site: Site, charge: Errand) -> list[Difference]:
    return [d for d in compare(site, compare_payments) if d.object_id == str(charge.id)]
