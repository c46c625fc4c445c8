"""Ten thousand rows are due at once after an outage: the queues stay short, and all take turns."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import orm

from payments import jobs
from payments.invoices.models import Invoice, InvoiceDocument
from payments.kit import clock
from payments.webhooks import batches, drain
from payments.webhooks.models import WebhookEvent
from payments.workspaces import reconcile
from payments.workspaces.models import Charge, Refund
from tests.support.site import Site

MANY = 10_000
HUGE, SMALL = "huge", "small"
Done = Callable[[orm.Session, list[int]], None]


@pytest.fixture
def calm(site: Site) -> Iterator[Site]:
    site.clear()
    yield site
    site.clear()


def places(site: Site) -> dict[str, int]:
    """Sign up two customers; return the ids of their workspaces."""
    return {name: site.customer(card=None)[1].id for name in (HUGE, SMALL)}


def invoices(site: Site, workspace_id: int, number: int, prefix: str) -> list[int]:
    """Insert paid invoices of a workspace."""
    standing = {
        "workspace_id": workspace_id, "type": "plan_upgrade", "status": "paid",
        "amount_minor": 900, "refunded_minor": 0, "currency": "usd", "description": "x",
        "plan_id": 2, "plan_name": "Starter", "plan_slug": "starter", "plan_period": "month",
    }  # fmt: skip
    rows = [{**standing, "invoice_number": f"{prefix}-{n}"} for n in range(number)]
    site.run(lambda session: session.execute(sa.insert(Invoice), rows))
    query = sa.select(Invoice.id).where(Invoice.invoice_number.startswith(f"{prefix}-"))
    return site.read(lambda session: list(session.scalars(query)))


def insert(site: Site, model: type, rows: list[dict[str, Any]]) -> None:
    site.run(lambda session: session.execute(sa.insert(model), rows))


def messages(site: Site, queue: str) -> list[dict[str, Any]]:
    """Return the ids that the queue's messages carry, the oldest first."""
    found = [json.loads(raw) for raw in site.redis.lrange(queue, 0, -1)]
    return [json.loads(m["body"] if m["body"][0] == "[" else decoded(m))[1] for m in found[::-1]]


def decoded(message: dict[str, Any]) -> str:
    from base64 import b64decode

    return b64decode(message["body"]).decode()


def swept(site: Site) -> int:
    with site.app.app_context():
        return reconcile.wake_due()


def work_off(site: Site, queue: str, done: Done, key: str) -> int:
    """Sweep and do what the messages say, as a worker would, until nothing is due; count sweeps."""
    rounds = 0
    while swept(site):
        held = messages(site, queue)
        assert len(held) <= jobs.SWEPT
        site.run(lambda session, held=held: done(session, [ids[key] for ids in held]))
        site.redis.delete(queue)
        rounds += 1
    return rounds


class TestRefunds:
    @pytest.fixture
    def due(self, calm: Site) -> dict[str, int]:
        """Ten thousand refunds of one workspace wait for hours, one of another for a minute."""
        held = places(calm)
        for name, number, wait in ((HUGE, MANY, 300), (SMALL, 1, 1)):
            (invoice,) = invoices(calm, held[name], 1, f"R{held[name]}")
            charge = {
                "workspace_id": held[name], "requested_by": 1, "invoice_id": invoice,
                "plan_id": 2, "stripe_payment_method_id": "pm_1", "amount_minor": 900,
                "currency": "usd", "status": "succeeded",
            }  # fmt: skip
            insert(calm, Charge, [charge])
            charge_id = calm.row(Charge, Charge.invoice_id == invoice).id
            refund = {
                "workspace_id": held[name], "charge_id": charge_id, "invoice_id": invoice,
                "amount_minor": 1, "currency": "usd",
                "due_at": clock.now() - timedelta(minutes=wait),
            }  # fmt: skip
            insert(calm, Refund, [refund] * number)
        return held

    def owners(self, site: Site) -> Counter[int]:
        ids = [held["refund_id"] for held in messages(site, jobs.CHARGES)]
        query = sa.select(Refund.workspace_id).where(Refund.id.in_(ids))
        return Counter(site.read(lambda session: list(session.scalars(query))))

    def test_the_small_one_is_in_the_first_batch(self, calm: Site, due: dict[str, int]) -> None:
        assert swept(calm) == jobs.SWEPT
        assert self.owners(calm) == {due[HUGE]: jobs.SWEPT - 1, due[SMALL]: 1}
        first_two = [held["refund_id"] for held in messages(calm, jobs.CHARGES)[:2]]
        rows = calm.rows(Refund, Refund.id.in_(first_two))
        assert {row.workspace_id for row in rows} == set(due.values())

    def test_the_queue_does_not_grow(self, calm: Site, due: dict[str, int]) -> None:
        """Nobody takes the messages: no sweep adds any. Some are taken: as many come after."""
        for _ in range(5):
            swept(calm)
            assert calm.redis.llen(jobs.CHARGES) == jobs.SWEPT
        calm.redis.ltrim(jobs.CHARGES, 0, 39)  # the newest forty still wait
        assert swept(calm) == 60
        assert calm.redis.llen(jobs.CHARGES) == jobs.SWEPT

    def test_what_waits_in_the_queue_is_not_sent_again(
        self, calm: Site, due: dict[str, int]
    ) -> None:
        swept(calm)
        taken = [held["refund_id"] for held in messages(calm, jobs.CHARGES)[:30]]
        change = sa.update(Refund).where(Refund.id.in_(taken)).values(status="succeeded")
        calm.run(lambda session: session.execute(change))
        calm.redis.ltrim(jobs.CHARGES, 0, jobs.SWEPT - 31)
        assert swept(calm) == 30
        ids = [held["refund_id"] for held in messages(calm, jobs.CHARGES)]
        assert len(ids) == len(set(ids)) == jobs.SWEPT

    def test_all_are_served(self, calm: Site, due: dict[str, int]) -> None:
        def done(session: orm.Session, ids: list[int]) -> None:
            change = sa.update(Refund).where(Refund.id.in_(ids)).values(status="succeeded")
            session.execute(change)

        assert work_off(calm, jobs.CHARGES, done, "refund_id") == MANY // jobs.SWEPT + 1
        assert calm.rows(Refund, Refund.status == "pending") == []


class TestCharges:
    def test_charges_and_refunds_share_the_room(self, calm: Site) -> None:
        """A workspace's waiting charge does not wait behind another one's refunds."""
        held = places(calm)
        paid, open_ = invoices(calm, held[HUGE], 2, f"C{held[HUGE]}")
        standing = {
            "requested_by": 1, "plan_id": 2, "stripe_payment_method_id": "pm_1",
            "amount_minor": 900, "currency": "usd",
        }  # fmt: skip
        first = {**standing, "workspace_id": held[HUGE], "invoice_id": paid, "status": "succeeded"}
        last = {**standing, "workspace_id": held[SMALL], "invoice_id": open_, "status": "pending"}
        insert(calm, Charge, [first, last])
        charge_id = calm.row(Charge, Charge.invoice_id == paid).id
        refund = {
            "workspace_id": held[HUGE], "charge_id": charge_id, "invoice_id": paid,
            "amount_minor": 1, "currency": "usd", "due_at": clock.now() - timedelta(hours=5),
        }  # fmt: skip
        insert(calm, Refund, [refund] * 300)
        assert swept(calm) == jobs.SWEPT
        waiting = calm.row(Charge, Charge.invoice_id == open_).id
        assert {"charge_id": waiting} in messages(calm, jobs.CHARGES)[:2]


class TestDocuments:
    def test_all_are_rendered_in_turns(self, calm: Site) -> None:
        held = places(calm)
        past = clock.now() - timedelta(hours=3)
        for name, number in ((HUGE, 1500), (SMALL, 3)):
            ids = invoices(calm, held[name], number, f"D{held[name]}")
            moment = past if name == HUGE else clock.now()
            insert(calm, InvoiceDocument, [{"invoice_id": i, "due_at": moment} for i in ids])
        mine = {i.id for i in calm.rows(Invoice, Invoice.workspace_id == held[SMALL])}

        def done(session: orm.Session, ids: list[int]) -> None:
            where = InvoiceDocument.invoice_id.in_(ids)
            session.execute(sa.update(InvoiceDocument).where(where).values(state="rendered"))

        swept(calm)
        first = {ids["invoice_id"] for ids in messages(calm, jobs.DOCUMENTS)}
        assert (len(first), mine - first) == (jobs.SWEPT, set())
        calm.redis.delete(jobs.DOCUMENTS)
        assert work_off(calm, jobs.DOCUMENTS, done, "invoice_id") == 16


class TestEvents:
    def test_all_are_handled_in_turns(self, calm: Site) -> None:
        """Ten thousand of one owner: another one's event is in the first batch."""
        payload = json.dumps({"id": "evt", "type": "customer.created", "data": {"object": {}}})
        standing = {
            "mode": "test", "type": "customer.created", "created": 1, "payload": payload,
            "state": "received",
        }  # fmt: skip
        past = clock.now() - timedelta(hours=3)
        rows = [
            {**standing, "owner": HUGE, "event_id": f"evt_{n}", "due_at": past} for n in range(MANY)
        ]
        insert(calm, WebhookEvent, [*rows, {**standing, "owner": SMALL, "event_id": "evt_small"}])
        with calm.app.app_context():
            owners = Counter(event.owner for event in batches.take(drain.BATCH))
            assert owners == {HUGE: drain.BATCH - 1, SMALL: 1}
            taken = drain.BATCH
            while found := drain.drain():
                assert found <= drain.BATCH
                taken += found
        assert taken == MANY + 1
