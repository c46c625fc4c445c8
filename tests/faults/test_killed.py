"""A worker killed with SIGKILL at the worst moments; another one finishes what it left open.

One kill has six victims: a charge and a refund that Stripe has taken and we have not recorded, a
charge whose PaymentIntent was just created, one that Stripe has not heard of, a PDF on its way
into its bucket, and an event in its handler.
The sandbox holds its answers back, so that the worker is known to be in the middle of each call.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
import sqlalchemy as sa

from payments import jobs
from payments.invoices.models import Invoice, InvoiceDocument
from payments.kit import clock
from payments.webhooks import inbox
from payments.webhooks.models import PLATFORM, PROCESSED, WebhookEvent
from payments.workspaces.models import Charge, PaymentMethod, PricingPlan, Refund, Workspace
from tests.support import processes
from tests.support.errands import CONFIRMATION, CREATION
from tests.support.people import Person, Place
from tests.support.shop import eventually
from tests.support.site import Site, at_once

# How long the sandbox sits on an answer: less than our own time-out of eighty seconds.
HELD_MS = 15_000
ASYNC = {"Prefer": "respond-async"}
VICTIMS = ("charged", "refunded", "created", "unasked", "noticed")


@contextmanager
def silent_bucket() -> Iterator[tuple[dict[str, str], threading.Event]]:
    """Serve a bucket that takes connections and never answers; tell when one has come."""
    called = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        held: list[socket.socket] = []

        def serve() -> None:
            with suppress(OSError):
                while True:
                    held.append(server.accept()[0])
                    called.set()

        threading.Thread(target=serve, daemon=True).start()
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        yield (
            {
                "INVOICE_STORAGE_BUCKET": "invoices",
                "AWS_ENDPOINT_URL": address,
                "AWS_REGION": "us-east-1",
                "AWS_ACCESS_KEY_ID": "nobody",
                "AWS_SECRET_ACCESS_KEY": "nothing",
            },
            called,
        )
        server.shutdown(socket.SHUT_RDWR)
        for connection in held:
            connection.close()


@dataclass
class Scene:
    """Who was hit by the kill, and how the rows stood right after it."""

    charged: Place
    refunded: Place
    created: Place
    unasked: Place
    noticed: Place
    card: str
    event_id: str = "evt_killed"
    before: dict[str, list[str]] = field(default_factory=dict)


@pytest.fixture(scope="module")
def scene(site: Site, web: processes.HttpClient) -> Iterator[Scene]:
    """Kill a worker in the middle of six things, then let another one and beat take over."""
    site.clear()
    people = {name: site.customer() for name in VICTIMS}
    (card,) = site.rows(PaymentMethod, PaymentMethod.workspace_id == people["noticed"][1].id)
    made = Scene(
        **{name: place for name, (_, place) in people.items()}, card=card.stripe_payment_method_id
    )
    with silent_bucket() as (bucket, called):
        doomed = processes.start_worker({**site.environment, **bucket}, processes=7)
        try:
            busy(site, web, people, made)
            eventually(called.is_set)
        finally:
            doomed.kill()
    made.before = states(site, made)
    site.lapse()
    with site.worker(), processes.beat(site.environment):
        yield made
    site.shop.control("DELETE", "faults")


def busy(site: Site, web: Any, people: dict[str, tuple[Person, Place]], made: Scene) -> None:
    """Bring the worker into the middle of everything at once."""
    shop = site.over(web)
    person, place = people["refunded"]
    assert shop.upgrade(person, place.slug).status_code == 200
    paid = site.row(Invoice, Invoice.workspace_id == place.id)
    admin = site.admin()
    hold_next_charge(site, shop, people["charged"], CONFIRMATION, "after")
    eventually(lambda: paid_at_stripe(site, made.charged))
    hold_next_charge(site, shop, people["created"], CREATION, "after")
    eventually(lambda: site.payments(made.created.id))
    hold_next_charge(site, shop, people["unasked"], CREATION, "before")
    site.fault("delay", "POST", "/v1/refunds", ms=HELD_MS, when="after")
    site.fault("delay", "GET", f"/v1/payment_methods/{made.card}", ms=HELD_MS)
    refund = f"/api/admin/invoices/{paid.id}/refund"
    answers = at_once(
        [
            lambda: shop.call("POST", refund, admin, json={"amount": 4}, headers=ASYNC),
            lambda: shop.deliver(event(made.event_id, "payment_method.updated", made.card)),
        ]
    )
    assert sorted(a.status_code for a in answers) == [200, 202]
    eventually(lambda: not shop.control("GET", "faults")["data"])
    eventually(lambda: site.refunds(paid.stripe_payment_intent_id))


def hold_next_charge(
    site: Site, shop: Any, who: tuple[Person, Place], path: str, when: str
) -> None:
    """Begin an upgrade, and wait until Stripe holds the request to `path` that it makes."""
    site.fault("delay", "POST", path, ms=HELD_MS, when=when)
    assert shop.upgrade(*slug(who), headers=ASYNC).status_code == 202
    eventually(lambda: not shop.control("GET", "faults")["data"])


def paid_at_stripe(site: Site, place: Place) -> bool:
    return [payment["status"] for payment in site.payments(place.id)] == ["succeeded"]


def slug(who: tuple[Person, Place]) -> tuple[Person, str]:
    return who[0], who[1].slug


def event(event_id: str, kind: str, object_id: str) -> dict[str, Any]:
    return {
        "id": event_id,
        "object": "event",
        "type": kind,
        "created": clock.timestamp(),
        "livemode": False,
        "data": {"object": {"id": object_id, "object": "payment_method"}},
    }


def states(site: Site, scene: Scene) -> dict[str, list[str]]:
    own = (scene.charged.id, scene.refunded.id, scene.created.id, scene.unasked.id)
    invoices = [i.id for i in site.rows(Invoice, Invoice.workspace_id == scene.refunded.id)]
    documents = site.rows(InvoiceDocument, InvoiceDocument.invoice_id.in_(invoices))
    return {
        "charges": [c.status for c in site.rows(Charge, Charge.workspace_id.in_(own))],
        "refunds": [r.status for r in site.rows(Refund, Refund.workspace_id.in_(own))],
        "documents": [d.state for d in documents],
        "events": [
            e.state for e in site.rows(WebhookEvent, WebhookEvent.event_id == scene.event_id)
        ],
    }


def plan_of(site: Site, place: Place) -> str:
    query = sa.select(PricingPlan.slug).join(Workspace, Workspace.plan_id == PricingPlan.id)
    return site.read(lambda s: s.scalars(query.where(Workspace.id == place.id)).one())


class TestOneKillSixVictims:
    def test_nothing_was_recorded_when_it_died(self, site, scene):
        """The kill came in time: the plan of the story, and the proof that the rest proves it."""
        assert scene.before["charges"].count("pending") == 3
        assert scene.before["refunds"] == ["pending"]
        assert scene.before["documents"] == ["pending"]
        assert scene.before["events"] == ["received"]

    @pytest.mark.parametrize("victim", ["charged", "created", "unasked"])
    def test_a_charge_is_made_once_and_recorded(self, site, scene, victim):
        """Taken by Stripe or not when the worker died: one payment, plan switched, invoice paid."""
        place = getattr(scene, victim)
        charge = eventually(lambda: self.settled(site, Charge, place))
        assert charge.status == "succeeded"
        (payment,) = site.payments(place.id)
        assert (payment["status"], payment["amount_received"]) == ("succeeded", 999)
        assert payment["id"] == charge.stripe_payment_intent_id
        listed = site.shop.stripe("GET", "/v1/charges", payment_intent=payment["id"])["data"]
        assert [c["amount_captured"] for c in listed] == [999]
        assert plan_of(site, place) == "starter"
        invoice = site.row(Invoice, Invoice.workspace_id == place.id)
        assert (invoice.status, invoice.stripe_payment_intent_id) == ("paid", payment["id"])

    @pytest.mark.parametrize("victim", ["charged", "created", "unasked"])
    def test_no_creation_carried_another_key(self, site, scene, victim):
        """The second worker looks first, and asks with the first one's key if it must."""
        charge = eventually(lambda: self.settled(site, Charge, getattr(scene, victim)))
        sent = eventually(lambda: self.sent(site, charge))
        assert len({call["idempotency_key"] for call in sent}) == 1
        assert sent[0]["idempotency_key"].endswith(f":charge:{charge.reference}:create")

    def test_a_refund_is_made_once_and_recorded(self, site, scene):
        """A refund that Stripe had made when the worker died is recorded, not made again."""
        refund = eventually(lambda: self.settled(site, Refund, scene.refunded))
        (theirs,) = site.refunds(site.payments(scene.refunded.id)[0]["id"])
        assert (refund.status, refund.stripe_refund_id) == ("succeeded", theirs["id"])
        invoice = site.row(Invoice, Invoice.workspace_id == scene.refunded.id)
        assert (invoice.refunded_minor, theirs["amount"]) == (400, 400)

    def test_a_pdf_is_rendered_after_all(self, site, scene):
        """A PDF that was on its way into the store is rendered again and kept."""
        invoice = site.row(Invoice, Invoice.workspace_id == scene.refunded.id)
        where = InvoiceDocument.invoice_id == invoice.id
        eventually(lambda: site.row(InvoiceDocument, where).state == "rendered")
        (file,) = (site.settings.data_dir / "invoices" / str(scene.refunded.id)).glob("*.pdf")
        assert file.read_bytes().startswith(b"%PDF-")

    def test_an_event_is_handled_after_all(self, site, scene):
        """An event that a dead worker had claimed is handled by the next one."""
        where = WebhookEvent.event_id == scene.event_id
        eventually(lambda: site.row(WebhookEvent, where).state == PROCESSED)

    def test_an_event_stored_by_a_web_process_that_died_is_handled(self, site, scene):
        """Stored, and killed before it could wake anybody: the sweep finds the row."""
        stored = event("evt_orphan", "payment_method.updated", scene.card)
        with site.app.app_context():
            assert inbox.store(PLATFORM, stored, json.dumps(stored))
        where = WebhookEvent.event_id == "evt_orphan"
        eventually(lambda: site.row(WebhookEvent, where).state == PROCESSED)

    def test_twenty_messages_for_one_charge_have_one_effect(self, site, scene):
        """Redelivered and duplicated messages: one claim, one call to Stripe, one payment."""
        person, place = site.customer()
        upgrade = site.shop.upgrade(person, place.slug, headers=ASYNC)
        charge_id = upgrade.json["data"]["charge"]["id"]
        at_once([lambda: site.enqueue(jobs.RUN_CHARGE, charge_id=charge_id)] * 20)
        eventually(lambda: self.settled(site, Charge, place))
        at_once([lambda: site.enqueue(jobs.RUN_CHARGE, charge_id=charge_id)] * 20)
        site.sweep()
        last, where = site.customer()
        assert site.shop.upgrade(last, where.slug).status_code == 200  # the queue is worked off
        charge = site.row(Charge, Charge.id == charge_id)
        assert (charge.status, charge.fence) == ("succeeded", 1)
        assert len(self.sent(site, charge)) == 1
        assert len(site.payments(place.id)) == 1

    def sent(self, site: Site, charge: Charge) -> list[dict[str, Any]]:
        calls = site.calls("POST", CREATION)
        name = charge.reference
        return [c for c in calls if c["params"].get("metadata", {}).get("charge") == name]

    def settled(self, site: Site, model: Any, place: Place) -> Any:
        (row,) = site.rows(model, model.workspace_id == place.id)
        return row if row.status != "pending" else None


@pytest.mark.slow
def test_a_killed_charge_is_finished_within_the_lease_and_a_sweep(site):
    """Nothing is moved here: the lease of 90 s runs out by itself, and the sweep finds the row."""
    site.clear()
    person, place = site.customer()
    site.fault("delay", "POST", CONFIRMATION, ms=HELD_MS, when="after")
    doomed = site.start_worker()
    try:
        assert site.shop.upgrade(person, place.slug, headers=ASYNC).status_code == 202
        eventually(lambda: paid_at_stripe(site, place))
    finally:
        doomed.kill()
    assert site.row(Charge, Charge.workspace_id == place.id).status == "pending"
    with site.worker(), processes.beat(site.environment):
        where = Charge.workspace_id == place.id
        eventually(lambda: site.row(Charge, where).status == "succeeded", seconds=110, every=0.5)
    assert [p["status"] for p in site.payments(place.id)] == ["succeeded"]


def test_a_deployment_lets_a_running_charge_finish(site):
    """SIGTERM in the middle of a call: the worker records the outcome before it goes."""
    site.clear()
    person, place = site.customer()
    site.fault("delay", "POST", CONFIRMATION, ms=1000, when="after")
    worker = site.start_worker()
    try:
        assert site.shop.upgrade(person, place.slug, headers=ASYNC).status_code == 202
        eventually(lambda: paid_at_stripe(site, place))
    finally:
        code = worker.stop()
    assert code == 0, worker.output[-3000:]
    charge = site.row(Charge, Charge.workspace_id == place.id)
    assert (charge.status, charge.fence) == ("succeeded", 1)
