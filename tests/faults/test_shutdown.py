"""Workers end in every way there is, or lose their Redis: what they were at is finished."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from payments import jobs
from payments.invoices.models import InvoiceDocument
from payments.webhooks import drain, inbox
from payments.webhooks.models import PLATFORM, PROCESSED, WebhookEvent
from payments.workspaces.charges import call
from payments.workspaces.models import Charge
from tests.support import deadly, processes, stack
from tests.support.deliveries import made_up
from tests.support.errands import CONFIRMATION
from tests.support.people import Place
from tests.support.processes import Group
from tests.support.shop import eventually
from tests.support.site import Site

ASYNC = {"Prefer": "respond-async"}
PATIENCE = 30  # seconds that Heroku gives a process after SIGTERM


@pytest.fixture
def calm(site: Site) -> Iterator[Site]:
    site.clear()
    yield site
    site.shop.control("DELETE", "faults")
    site.clear()


def begun(site: Site, ms: int, *, when: str = "after") -> Place:
    """Begin a charge whose confirmation Stripe holds; return its workspace."""
    person, place = site.customer()
    site.fault("delay", "POST", CONFIRMATION, ms=ms, when=when)
    assert site.shop.upgrade(person, place.slug, headers=ASYNC).status_code == 202
    return place


def charge_of(site: Site, place: Place) -> Charge:
    return site.row(Charge, Charge.workspace_id == place.id)


def paid_at_stripe(site: Site, place: Place) -> bool:
    return [p["status"] for p in site.payments(place.id)] == ["succeeded"]


def succeeded(site: Site, place: Place) -> bool:
    return charge_of(site, place).status == "succeeded"


def pool_of(group: Group) -> list[int]:
    """Return the processes that do the worker's tasks."""
    found = Path(f"/proc/{group.pid}/task/{group.pid}/children").read_text().split()
    return [int(pid) for pid in found]


def hasty(site: Site, *, soft: int, hard: int) -> Any:
    """Run a worker with other time limits, in seconds."""
    limits = {"SOFT_SECONDS": str(soft), "HARD_SECONDS": str(hard), "DEADLY": "yes"}
    environment = {**site.environment, **limits}
    include = ("--include", "tests.support.hasty,tests.support.deadly")
    return processes.running(processes.start_worker(environment, *include, processes=1))


class TestRedisGoesAway:
    @pytest.mark.parametrize("away", ["briefly", "until the task is done"])
    def test_a_worker_outlives_it_in_the_middle_of_a_task(self, calm: Site, away: str) -> None:
        """The message can never be acknowledged: the worker goes on all the same."""
        port = processes.free_port()
        environment = {**calm.environment, "REDIS_URL": f"redis://127.0.0.1:{port}/0"}
        with stack.ValkeyServer(port=port, appendonly="no"):
            worker = processes.start_worker(environment)
            place = begun(calm, 2000)
            self.send(environment, charge_of(calm, place).id)
            eventually(lambda: paid_at_stripe(calm, place))
        with processes.running(worker):
            if away != "briefly":
                eventually(lambda: succeeded(calm, place))
            with stack.ValkeyServer(port=port, appendonly="no"):
                worker.wait_until(lambda: succeeded(calm, place))
                other = begun(calm, 0)
                self.send(environment, charge_of(calm, other).id)
                worker.wait_until(lambda: succeeded(calm, other))
                pool = pool_of(worker)
        assert pool
        assert "Unrecoverable" not in worker.output
        assert [p["status"] for p in calm.payments(place.id)] == ["succeeded"]

    def send(self, environment: dict[str, str], charge_id: int) -> None:
        from celery import Celery

        with Celery(broker=environment["REDIS_URL"], set_as_current=False) as app:
            app.send_task(jobs.RUN_CHARGE, kwargs={"charge_id": charge_id}, queue=jobs.CHARGES)


class TestKilled:
    def test_the_message_of_a_killed_process_does_no_harm(self, calm: Site) -> None:
        """It is handed out again at once and finds the row held; a minute later it is made."""
        with calm.worker() as worker:
            place = begun(calm, 3000)
            eventually(lambda: paid_at_stripe(calm, place))
            for pid in pool_of(worker):
                os.kill(pid, signal.SIGKILL)
            eventually(lambda: calm.redis.hlen("unacked") == 0 == calm.redis.llen(jobs.CHARGES))
            row = charge_of(calm, place)
            assert (row.status, row.tries, row.leased_until is None) == ("pending", 1, False)
            calm.lapse(Charge)
            with calm.sweeping():
                worker.wait_until(lambda: succeeded(calm, place))
        assert [p["status"] for p in calm.payments(place.id)] == ["succeeded"]


class TestTimeLimits:
    def test_a_task_that_hangs_ends_and_its_row_comes_back(self, calm: Site) -> None:
        """Softly first: the call breaks off, the row says that its outcome is unknown."""
        with hasty(calm, soft=5, hard=60):
            place = begun(calm, 9000)
            row = eventually(lambda: self.back(calm, place))
            assert (row.status, row.uncertain, row.tries) == ("pending", True, 1)
        with calm.app.app_context():
            eventually(lambda: call.run(row.id) or succeeded(calm, place))
        assert [p["status"] for p in calm.payments(place.id)] == ["succeeded"]

    def test_one_that_does_not_listen_is_killed(self, calm: Site) -> None:
        """Its process is replaced, its message gone, and its row held until the lease lapses."""
        data = {"object": {"id": deadly.STUBBORN, "object": "payment_method"}}
        event = made_up(deadly.TYPE, data=data)
        with calm.app.app_context():
            inbox.store(PLATFORM, event, json.dumps(event))
        where = WebhookEvent.event_id == event["id"]
        with hasty(calm, soft=5, hard=6) as worker:
            before = set(pool_of(worker))
            calm.sweep()
            eventually(lambda: set(pool_of(worker)) - before)
            eventually(lambda: calm.redis.hlen("unacked") == 0)
        row = calm.row(WebhookEvent, where)
        assert (row.state, row.tries, row.leased_until is None) == ("received", 1, False)
        calm.lapse(WebhookEvent)
        with calm.app.app_context():
            drain.drain()
        assert calm.row(WebhookEvent, where).state == PROCESSED

    def back(self, site: Site, place: Place) -> Charge | None:
        row = charge_of(site, place)
        return row if row.tries and row.leased_until is None else None


class TestDeployment:
    def test_everything_is_handed_over_in_time(self, calm: Site) -> None:
        """SIGTERM to every process, as Heroku sends it, while Stripe hangs and a PDF renders."""
        done = begun(calm, 0)
        worker = calm.start_worker()
        try:
            eventually(lambda: succeeded(calm, done))
            place = begun(calm, 20_000, when="before")
            eventually(lambda: charge_of(calm, place).leased_until)
            started = time.monotonic()
        finally:
            code = worker.stop(everybody=True, seconds=PATIENCE)
        assert code == 0, worker.output[-3000:]
        assert time.monotonic() - started < PATIENCE - 10
        row = charge_of(calm, place)
        assert (row.status, row.leased_until, row.uncertain) == ("pending", None, True)
        where = InvoiceDocument.invoice_id == charge_of(calm, done).invoice_id
        document = calm.row(InvoiceDocument, where)
        assert (document.state, document.leased_until) == ("rendered", None)
