"""A connection that breaks over a COMMIT: nobody can know whether it went through, so all of it is
safe to be done again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy.exc import OperationalError

from payments.invoices.models import Invoice
from payments.kit import clock, steps
from payments.timeline.models import TimelineEntry
from payments.workspaces.charges import call as charge_call
from payments.workspaces.models import Charge, Refund
from payments.workspaces.refunds import call as refund_call
from tests.support import postgres, stack
from tests.support.people import Person, Place
from tests.support.postgres import Cluster, Wire
from tests.support.site import Site, open_site

ASYNC = {"Prefer": "respond-async"}
# Before: the transaction never happened. After: it did, and nobody was told.
EITHER = pytest.mark.parametrize("when", ["before", "after"])


@pytest.fixture(scope="module")
def line(cluster: Cluster) -> Iterator[Wire]:
    with postgres.wire(cluster.port) as made:
        yield made


@pytest.fixture(scope="module")
def site(cluster: Cluster, line: Wire, place: Path, sandbox: stack.Sandbox) -> Iterator[Site]:
    """An installation that reaches its server over the wire."""
    url = cluster.url.replace(str(cluster.port), str(line.port))
    with open_site(place, sandbox, own_redis=True, database_server=url) as made:
        yield made


@pytest.fixture
def cut_at(line: Wire) -> Iterator[Any]:
    """Cut the wire at the COMMIT that follows a named step."""

    def arm(step: str, when: str) -> None:
        def listen(name: str) -> None:
            if name == step:
                steps.arm(None)
                line.arm(when)

        steps.arm(listen)

    yield arm
    steps.arm(None)


def repeatable(site: Site, person: Person, place: Place, key: str) -> Any:
    headers = {**ASYNC, "Idempotency-Key": key}
    return site.shop.upgrade(person, place.slug, headers=headers)


def drive(site: Site, model: type[Any], row_id: int) -> Any:
    """Do what a worker does once the row's lease has lapsed."""
    site.lapse(model)
    site.run(lambda session: setattr(session.get(model, row_id), "due_at", clock.now()))
    with site.app.app_context():
        (charge_call if model is Charge else refund_call).run(row_id)
    return site.row(model, model.id == row_id)


def charged_once(site: Site, place: Place) -> Charge:
    """One charge, one payment, one paid invoice, one note of each."""
    charge = site.row(Charge, Charge.workspace_id == place.id)
    (payment,) = site.payments(place.id)
    invoice = site.row(Invoice, Invoice.workspace_id == place.id)
    assert (charge.status, payment["status"], invoice.status) == ("succeeded", "succeeded", "paid")
    kinds = site.rows(TimelineEntry, TimelineEntry.subject == f"charge:{charge.id}")
    assert [entry.kind for entry in kinds] == ["charge.reserved", "charge.succeeded"]
    return charge


@EITHER
def test_while_a_charge_is_reserved(site: Site, line: Wire, cut_at: Any, when: str) -> None:
    """The client is told 503 and asks again with the same key: there is one charge."""
    person, place = site.customer()
    before, key = line.cut, uuid4().hex
    cut_at("charge.reserved", when)
    assert repeatable(site, person, place, key).status_code == 503
    assert line.cut == before + 1
    left = site.rows(Charge, Charge.workspace_id == place.id)
    assert len(left) == (1 if when == "after" else 0)
    answer = repeatable(site, person, place, key)
    assert answer.status_code == 202, answer.text
    drive(site, Charge, answer.json["data"]["charge"]["id"])
    charged_once(site, place)


@EITHER
def test_while_its_outcome_is_recorded(site: Site, line: Wire, cut_at: Any, when: str) -> None:
    """The worker fails; whichever way it was, the next one leaves one payment, recorded once."""
    person, place = site.customer()
    charge_id = repeatable(site, person, place, uuid4().hex).json["data"]["charge"]["id"]
    cut_at("charge.recording", when)
    with pytest.raises(OperationalError):
        drive(site, Charge, charge_id)
    assert site.row(Charge, Charge.id == charge_id).status == (
        "succeeded" if when == "after" else "pending"
    )
    drive(site, Charge, charge_id)
    charged_once(site, place)


@EITHER
def test_while_a_refund_is_recorded(site: Site, line: Wire, cut_at: Any, when: str) -> None:
    """The same for money on its way back."""
    person, place = site.customer()
    charge_id = repeatable(site, person, place, uuid4().hex).json["data"]["charge"]["id"]
    charge = drive(site, Charge, charge_id)
    path = f"/api/admin/invoices/{charge.invoice_id}/refund"
    answer = site.shop.call("POST", path, site.admin(), json={"amount": 3}, headers=ASYNC)
    refund_id = answer.json["data"]["refund"]["id"]
    cut_at("refund.recording", when)
    with pytest.raises(OperationalError):
        drive(site, Refund, refund_id)
    assert drive(site, Refund, refund_id).status == "succeeded"
    (theirs,) = site.refunds(charge.stripe_payment_intent_id)
    invoice = site.row(Invoice, Invoice.id == charge.invoice_id)
    assert invoice.refunded_minor == theirs["amount"] == 300
