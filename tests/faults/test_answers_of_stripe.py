"""What Stripe answers, or does not, while money is on its way: taken once, under one key.

The rows are driven here in this process, call by call, so that each one's state can be seen.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from payments.invoices.models import Invoice
from payments.kit import clock
from payments.workspaces.charges import call as charge_call
from payments.workspaces.models import Charge, Refund, Workspace
from payments.workspaces.refunds import call as refund_call
from tests.support import processes
from tests.support.people import Place
from tests.support.shop import eventually
from tests.support.site import Site, opened

KEY_LIVES = timedelta(hours=23)


@dataclass
class Errand:
    """A charge or a refund that waits to be driven, and what Stripe holds of it."""

    site: Site
    place: Place
    model: type[Any]
    path: str
    id: int

    @property
    def row(self) -> Any:
        return self.site.row(self.model, self.model.id == self.id)

    def run(self, site: Site | None = None) -> Any:
        """Drive the row once, as the worker's task does."""
        run = charge_call.run if self.model is Charge else refund_call.run
        with (site or self.site).app.app_context():
            run(self.id)
        return self.row

    def change(self, **values: Any) -> None:
        table = sa.update(self.model).where(self.model.id == self.id)
        self.site.run(lambda session: session.execute(table.values(**values)))

    def come_due(self) -> None:
        """Let the wait of the row pass."""
        self.change(due_at=clock.now() - timedelta(seconds=1))

    def again(self) -> Any:
        self.come_due()
        return self.run()

    def age(self, by: timedelta) -> None:
        """Let the row have been made that long ago: its key's age is counted from there."""
        self.change(created_at=self.row.created_at - by, due_at=clock.now() - by)

    def fault(self, action: str, **options: Any) -> None:
        self.site.fault(action, "POST", self.path, **options)

    @property
    def sent(self) -> list[str]:
        """The idempotency keys that Stripe was sent for this row, in order."""
        calls = self.site.calls("POST", self.path)
        name = "charge_id" if self.model is Charge else "refund_id"
        return [
            c["idempotency_key"]
            for c in calls
            if c["params"].get("metadata", {}).get(name) == str(self.id)
        ]

    @property
    def key(self) -> str:
        return f"{self.model.key_prefix}-{self.id}-1"

    @property
    def moved(self) -> list[int]:
        """The amounts that Stripe has moved for it."""
        paid = self.site.payments(self.place.id)
        if self.model is Charge:
            return [p["amount_received"] for p in paid if p["status"] == "succeeded"]
        return [r["amount"] for r in self.site.refunds(paid[0]["id"])]


@pytest.fixture
def charge(site: Site) -> Iterator[Errand]:
    """A reserved charge that no worker has seen."""
    person, place = site.customer()
    answer = site.shop.upgrade(person, place.slug, headers={"Prefer": "respond-async"})
    assert answer.status_code == 202
    yield Errand(site, place, Charge, "/v1/payment_intents", answer.json["data"]["charge"]["id"])
    site.shop.control("DELETE", "faults")


@pytest.fixture
def refund(charge: Errand) -> Errand:
    """A reserved refund of the whole of a paid charge."""
    assert charge.run().status == "succeeded"
    site, invoice_id = charge.site, charge.row.invoice_id
    answer = site.shop.call(
        "POST",
        f"/api/admin/invoices/{invoice_id}/refund",
        site.admin(),
        headers={"Prefer": "respond-async"},
        json={},
    )
    assert answer.status_code == 202
    return Errand(site, charge.place, Refund, "/v1/refunds", answer.json["data"]["refund"]["id"])


@pytest.fixture(params=["charge", "refund"])
def errand(request: pytest.FixtureRequest) -> Errand:
    """A charge, then a refund: both move money the same way."""
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
    def test_an_unknown_outcome_is_asked_for_again_under_its_key(self, errand, action, options):
        """Nobody knows whether money moved: the row stays pending and comes back with its key."""
        errand.fault(action, **options)
        row = errand.run()
        assert (row.status, row.uncertain, row.leased_until) == ("pending", True, None)
        assert row.due_at > row.created_at
        assert errand.again().status == "succeeded"
        assert set(errand.sent) == {errand.key}
        assert errand.moved == [999]

    def test_too_many_requests_are_no_outcome_at_all(self, errand):
        """429: nothing happened, nothing is in doubt, and the row comes back."""
        errand.fault("status", status=429)
        row = errand.run()
        assert (row.status, row.uncertain) == ("pending", False)
        assert errand.again().status == "succeeded"
        assert (errand.sent, errand.moved) == ([errand.key] * 2, [999])

    def test_nobody_listens(self, errand):
        """No connection can be made: nothing was sent, so nothing is in doubt."""
        silent = f"http://127.0.0.1:{processes.free_port()}"
        with opened({**errand.site.environment, "STRIPE_API_BASE": silent}) as other:
            row = errand.run(other)
        assert (row.status, row.uncertain, errand.moved) == ("pending", False, [])
        assert errand.again().status == "succeeded"
        assert errand.moved == [999]

    @pytest.mark.slow
    def test_an_answer_that_comes_too_late(self, charge):
        """Ten seconds of silence: given up, asked again, and it is the same payment."""
        charge.fault("delay", ms=10_800, when="after")
        assert charge.run().uncertain
        row = eventually(lambda: (r := charge.again()).status != "pending" and r, every=0.3)
        assert (row.status, set(charge.sent), charge.moved) == ("succeeded", {charge.key}, [999])


class TestStored500:
    """Stripe keeps a 500 under its key: asking again only brings it again."""

    def test_without_effect_a_new_key_is_used_once_nothing_is_found(self, errand):
        errand.fault("stored_500")
        row = self.until_settled(errand)
        assert (row.status, row.attempt) == ("succeeded", 2)
        assert errand.sent == [errand.key] * 5 + [errand.key[:-1] + "2"]
        assert errand.moved == [999]

    def test_with_effect_it_is_found_and_no_other_key_is_ever_sent(self, errand):
        errand.fault("stored_500", effect=True)
        row = self.until_settled(errand)
        assert (row.status, row.attempt) == ("succeeded", 1)
        assert (set(errand.sent), errand.moved) == ({errand.key}, [999])

    def until_settled(self, errand: Errand) -> Any:
        errand.run()
        for _ in range(5):
            assert errand.row.status == "pending"
            errand.again()
        return errand.row


class TestOldKey:
    """After a day Stripe has forgotten the key: the payment is looked up, never sent again."""

    def test_what_stripe_has_is_found(self, errand):
        errand.fault("drop_after")
        errand.run()
        errand.age(KEY_LIVES + timedelta(minutes=1))
        assert errand.run().status == "succeeded"
        assert (errand.sent, errand.moved) == ([errand.key], [999])

    def test_what_stripe_does_not_have_has_expired(self, errand):
        errand.fault("drop_before")
        errand.run()
        errand.age(KEY_LIVES + timedelta(minutes=1))
        row = errand.run()
        assert (row.status, row.error_code) == ("failed", "expired")
        assert (len(errand.sent), errand.moved) == (1, [])
        if errand.model is Charge:
            invoice = errand.site.row(Invoice, Invoice.id == row.invoice_id)
            assert (invoice.status, invoice.paid_at) == ("failed", None)

    def test_nobody_wants_it_any_more_when_it_was_never_asked_for(self, errand):
        """No worker for a day: nothing is charged out of the blue."""
        errand.age(KEY_LIVES + timedelta(minutes=1))
        row = errand.run()
        assert (row.status, row.error_code) == ("failed", "expired")
        assert (errand.sent, errand.moved) == ([], [])

    def test_a_worker_died_over_it_and_no_other_came_for_a_day(self, errand):
        """Killed after the effect, before it could note any doubt: looked up all the same."""
        die_in_the_middle(errand)
        assert errand.row.status == "pending"
        errand.age(KEY_LIVES + timedelta(minutes=1))
        assert errand.run().status == "succeeded"
        assert (errand.sent, errand.moved) == ([errand.key], [999])

    def test_a_worker_died_over_it_and_the_key_was_revoked(self, errand):
        """A refused API key says nothing about money that a dead worker may have moved."""
        die_in_the_middle(errand)
        with opened({**errand.site.environment, "STRIPE_SECRET_KEY": "sk_live_short"}) as other:
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
        doomed.wait_until(lambda: errand.moved)
        doomed.kill()
    errand.change(leased_until=clock.now() - timedelta(seconds=1))
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

    def test_a_worker_that_was_overtaken_sends_no_second_key(self, errand):
        """Frozen in its look-up until its lease was gone: only the other worker sends a new key."""
        errand.fault("stored_500")
        errand.run()
        for _ in range(4):
            errand.again()
        errand.come_due()
        errand.site.fault("delay", "GET", f"{errand.path}*", ms=2500)
        with ThreadPoolExecutor(1) as pool:
            overtaken = pool.submit(errand.run)
            eventually(lambda: not errand.site.shop.control("GET", "faults")["data"])
            errand.change(leased_until=clock.now() - timedelta(seconds=1))
            errand.fault("status", status=503)
            assert errand.run().status == "pending"
            assert not overtaken.done()
            overtaken.result(20)
        assert errand.again().status == "succeeded"
        assert [key[-1] for key in errand.sent] == ["1"] * 5 + ["2"] * 2
        assert errand.moved == [999]

    def test_a_held_row_is_left_alone(self, errand):
        """A second worker with the same message does nothing while the first one is at it."""
        errand.change(leased_until=clock.now() + timedelta(seconds=60))
        assert errand.run().status == "pending"
        assert errand.sent == []


class TestDecline:
    def test_another_card_gets_another_key(self, site, charge):
        """A decline is final for its key: the next try is a charge of its own."""
        decline = {"type": "card_error", "code": "card_declined", "decline_code": "generic_decline"}
        charge.fault("error", status=402, error=decline, stored=True)
        assert charge.run().status == "failed"
        workspace = site.row(Workspace, Workspace.id == charge.place.id)
        assert [i.status for i in site.rows(Invoice, Invoice.workspace_id == workspace.id)] == [
            "failed"
        ]
        assert charge.again().status == "failed"
        assert charge.sent == [charge.key]
