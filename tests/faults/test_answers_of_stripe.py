"""What Stripe answers, or does not, while money is on its way: one object there, one payment.

The rows are driven here in this process, call by call, so that each one's state can be seen.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from payments.invoices.models import Invoice
from payments.kit import clock
from payments.workspaces.attempts import KEY_LIVES, MOST_TRIES
from payments.workspaces.charges import call as charge_call
from payments.workspaces.models import Charge
from payments.workspaces.refunds import call as refund_call
from tests.support import processes
from tests.support.errands import (
    CONFIRMATION,
    CREATION,
    Errand,
    reserve_charge,
    reserve_refund,
    reserve_upgrade,
)
from tests.support.shop import eventually
from tests.support.site import Site, opened

OLD = KEY_LIVES + timedelta(minutes=1)


@pytest.fixture
def charge(site: Site) -> Iterator[Errand]:
    """A reserved charge that no worker has seen; the creation of its PaymentIntent may fail."""
    yield reserve_charge(site, CREATION)
    site.shop.control("DELETE", "faults")


@pytest.fixture
def confirmation(charge: Errand) -> Errand:
    """The same charge; the confirmation of its PaymentIntent may fail."""
    charge.path = CONFIRMATION
    return charge


@pytest.fixture
def refund(charge: Errand) -> Errand:
    """A reserved refund of the whole of a paid charge."""
    assert charge.run().status == "succeeded"
    return reserve_refund(charge)


@pytest.fixture(params=["charge", "confirmation", "refund"])
def errand(request: pytest.FixtureRequest) -> Errand:
    """A creation, a confirmation, a refund: every request that money depends on."""
    return request.getfixturevalue(request.param)


@pytest.fixture(params=["charge", "refund"])
def one_key(request: pytest.FixtureRequest) -> Errand:
    """What Stripe is asked for under one key only: a creation, a refund."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def site(site: Site) -> Iterator[Site]:
    """The installation with nothing left in its queues, as no worker runs here."""
    yield site
    site.clear()


class TestOneCallFails:
    """A single failure, whichever it is, costs a wait and nothing else."""

    @pytest.mark.parametrize(
        ("action", "options"),
        [
            pytest.param("drop_after", {}, id="answer lost after the effect"),
            pytest.param("drop_before", {}, id="connection cut before the effect"),
            pytest.param("status", {"status": 503}, id="503"),
            pytest.param("status", {"status": 500}, id="500 that is not stored"),
        ],
    )
    def test_an_unknown_outcome_leaves_the_row_pending_and_is_asked_for_again(
        self, errand, action, options
    ):
        """Nobody knows whether the request took effect: the row comes back to the same object."""
        errand.fault(action, **options)
        row = errand.run()
        assert (row.status, row.uncertain, row.leased_until) == ("pending", True, None)
        assert row.due_at > row.created_at
        assert errand.again().status == "succeeded"
        assert set(errand.sent) <= set(errand.keys)
        assert (len(errand.made), errand.moved) == (1, [999])

    def test_too_many_requests_are_no_outcome_at_all(self, errand):
        """429: nothing happened, nothing is in doubt, and the row comes back."""
        errand.fault("status", status=429)
        row = errand.run()
        assert (row.status, row.uncertain, row.tries) == ("pending", False, 0)
        assert errand.again().status == "succeeded"
        assert (errand.sent, errand.moved) == (errand.keys, [999])

    def test_nobody_listens(self, one_key):
        """No connection can be made: nothing was sent, so nothing is in doubt."""
        silent = f"http://127.0.0.1:{processes.free_port()}"
        with opened({**one_key.site.environment, "STRIPE_API_BASE": silent}) as other:
            row = one_key.run(other)
        assert (row.status, row.uncertain, one_key.moved) == ("pending", False, [])
        assert one_key.again().status == "succeeded"
        assert one_key.moved == [999]


class TestStored500:
    """Stripe keeps a 500 under its key: asking again only brings it again."""

    def test_without_effect_no_second_key_is_ever_sent(self, one_key):
        """The first request may still take effect: pending, flagged, until somebody gives up."""
        one_key.fault("stored_500")
        one_key.run()
        for _ in range(MOST_TRIES):
            assert one_key.again().status == "pending"
        assert one_key.row.needs_attention
        assert one_key.sent == [one_key.key] * (MOST_TRIES + 1)
        assert one_key.moved == []
        one_key.age(OLD)
        row = one_key.run()
        assert (row.status, row.error_code, row.needs_attention) == ("abandoned", "expired", False)
        assert set(one_key.sent) == {one_key.key}

    def test_with_effect_the_object_is_found(self, one_key):
        one_key.fault("stored_500", effect=True)
        assert one_key.run().status == "pending"
        assert one_key.again().status == "succeeded"
        assert (one_key.sent, one_key.moved) == ([one_key.key], [999])

    @pytest.mark.parametrize("effect", [False, True], ids=["without effect", "with effect"])
    def test_of_a_confirmation_leaves_one_payment(self, confirmation, effect):
        """The stored PaymentIntent is looked at, and confirmed again if it waits for that."""
        confirmation.fault("stored_500", effect=effect)
        assert confirmation.run().status == "pending"
        assert confirmation.again().status == "succeeded"
        assert confirmation.sent == confirmation.keys[: 1 if effect else 2]
        assert (len(confirmation.made), confirmation.moved) == (1, [999])


class TestOldRow:
    """After a day nobody expects to pay any more, and Stripe has forgotten the key."""

    @pytest.mark.parametrize("made", ["confirmation", "refund"])
    def test_money_that_stripe_has_moved_is_found(self, request, made):
        errand = request.getfixturevalue(made)
        errand.fault("drop_after")
        errand.run()
        errand.age(OLD)
        assert errand.run().status == "succeeded"
        assert (errand.sent, errand.moved) == (errand.keys[:1], [999])

    @pytest.mark.parametrize(
        ("kind", "action"),
        [("charge", "drop_after"), ("confirmation", "drop_before")],
        ids=["its creation's answer was lost", "its confirmation never arrived"],
    )
    def test_an_unpaid_payment_intent_is_canceled(self, request, kind, action):
        """It can never be paid later, and the workspace may try anew."""
        errand = request.getfixturevalue(kind)
        errand.fault(action)
        errand.run()
        errand.age(OLD)
        row = errand.run()
        assert (row.status, row.error_code) == ("abandoned", "expired")
        assert [payment["status"] for payment in errand.payments] == ["canceled"]
        assert errand.site.row(Invoice, Invoice.id == row.invoice_id).status == "failed"

    def test_what_stripe_does_not_have_is_abandoned(self, one_key):
        one_key.fault("drop_before")
        one_key.run()
        one_key.age(OLD)
        row = one_key.run()
        assert (row.status, row.error_code) == ("abandoned", "expired")
        assert (len(one_key.sent), one_key.moved) == (1, [])
        if one_key.model is Charge:
            invoice = one_key.site.row(Invoice, Invoice.id == row.invoice_id)
            assert (invoice.status, invoice.paid_at) == ("failed", None)

    def test_one_that_was_never_asked_for_is_abandoned(self, one_key):
        """No worker for a day: nothing is charged out of the blue."""
        one_key.age(OLD)
        row = one_key.run()
        assert (row.status, row.error_code) == ("abandoned", "expired")
        assert (one_key.sent, one_key.moved) == ([], [])

    def test_a_worker_died_over_it_and_no_other_came_for_a_day(self, errand):
        """Killed after the effect, before it could note any doubt: looked up all the same."""
        die_in_the_middle(errand)
        assert errand.row.status == "pending"
        errand.age(OLD)
        created_only = errand.path == CREATION
        assert errand.run().status == ("abandoned" if created_only else "succeeded")
        assert errand.sent == errand.keys[:1]
        assert errand.moved == ([] if created_only else [999])

    def test_a_worker_died_over_it_and_the_api_key_was_revoked(self, errand):
        """A refused API key says nothing about money that a dead worker may have moved."""
        die_in_the_middle(errand)
        with opened({**errand.site.environment, "STRIPE_SECRET_KEY": "sk_test_short"}) as other:
            assert errand.run(other).status == "pending"
        assert errand.again().status == "succeeded"
        assert errand.moved == [999]


def die_in_the_middle(errand: Errand) -> None:
    """Drive the row in a process of its own, killed once Stripe has done what it was asked."""
    module = charge_call.__name__ if errand.model is Charge else refund_call.__name__
    code = (
        f"from payments.app import create_app\nfrom {module} import run\n"
        f"with create_app().app_context():\n    run({errand.id})\n"
    )
    errand.fault("delay", ms=2000, when="after")
    with processes.running(
        processes.Group("doomed", [sys.executable, "-c", code], errand.site.environment)
    ) as doomed:
        doomed.wait_until(lambda: errand.made if errand.path == CREATION else errand.moved)
        doomed.kill()
    errand.lapse()
    eventually(lambda: errand.sent)  # the sandbox has let go of the key


class TestOthersAtTheSameRow:
    def test_other_parameters_under_the_key_are_a_bug_that_settles_nothing(self, errand):
        """The row was tampered with: left pending, flagged, and nothing is called failed."""
        errand.fault("drop_after")
        errand.run()
        errand.change(amount_minor=998)
        row = errand.again()
        assert (row.status, row.needs_attention, row.uncertain) == ("pending", True, True)
        if errand.model is Charge:
            assert errand.site.row(Invoice, Invoice.id == row.invoice_id).status == "pending"
        errand.change(amount_minor=999)
        assert errand.again().status == "succeeded"
        assert errand.moved == [999]

    def test_a_worker_that_was_overtaken_sends_nothing(self, errand):
        """Frozen in its look-up until its lease was gone: only the other worker asks Stripe."""
        errand.fault("status", status=500)
        assert errand.run().status == "pending"
        errand.come_due()
        errand.site.fault("delay", "GET", errand.looked_up, ms=2500)
        with ThreadPoolExecutor(1) as pool:
            overtaken = pool.submit(errand.run)
            eventually(lambda: not errand.site.shop.control("GET", "faults")["data"])
            errand.lapse()
            errand.fault("status", status=503)
            assert errand.run().status == "pending"
            assert not overtaken.done()
            overtaken.result(20)
        assert len(errand.sent) == 2
        assert errand.again().status == "succeeded"
        assert len(errand.sent) == 3
        assert (len(errand.made), errand.moved) == (1, [999])

    def test_a_held_row_is_left_alone(self, one_key):
        """A second worker with the same message does nothing while the first one is at it."""
        one_key.change(leased_until=clock.now() + timedelta(seconds=60))
        assert one_key.run().status == "pending"
        assert one_key.sent == []


class TestDecline:
    def test_is_final_and_another_card_gets_a_payment_intent_of_its_own(self, site):
        """The declined one is canceled: nothing can charge that card for it later."""
        declined = reserve_charge(site, CREATION, card="pm_card_chargeCustomerFail")
        row = declined.run()
        assert (row.status, row.error_code) == ("failed", "card_declined")
        assert declined.again().status == "failed"
        assert (declined.sent, declined.moved) == ([declined.key], [])
        person, place = declined.person, declined.place
        card = site.shop.save_card(person, place.slug, "pm_card_mastercard")
        other = reserve_upgrade(site, person, place, CREATION, card=card)
        assert other.run().status == "succeeded"
        assert other.sent == [other.key] != declined.sent
        assert [p["status"] for p in other.payments] == ["succeeded", "canceled"]
        invoices = site.rows(Invoice, Invoice.workspace_id == declined.place.id)
        assert [invoice.status for invoice in invoices] == ["failed", "paid"]
