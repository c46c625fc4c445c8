"""The database server crashes in the middle of charges and comes back: nothing is paid twice."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import requests

from payments.invoices.models import Invoice, InvoiceDocument
from payments.workspaces.models import Charge
from tests.support import processes
from tests.support.errands import CONFIRMATION
from tests.support.postgres import Cluster
from tests.support.processes import Answer
from tests.support.shop import Shop, eventually
from tests.support.site import Site, at_once

CUSTOMERS = 8


def insistent(request: Callable[[], Answer]) -> Answer:
    """Ask again with the same key, as a client does, until there is an answer that stands."""
    deadline = time.monotonic() + 60
    while True:
        try:
            answer = request()
            if answer.status_code < 500 and answer.status_code != 409:
                return answer
        except requests.ConnectionError:
            pass
        assert time.monotonic() < deadline, "no answer that stands"
        time.sleep(0.3)


def test_charges_outlive_a_crash_of_the_server(site: Site, cluster: Cluster) -> None:
    """Eight upgrades are under way when every connection breaks: each is charged once."""
    people = [site.customer() for _ in range(CUSTOMERS)]
    with (
        processes.web(site.environment) as client,
        processes.worker(site.environment, processes=4),
        processes.beat(site.environment),
    ):
        shop = site.over(client)
        site.fault("delay", "POST", CONFIRMATION, ms=600, times=CUSTOMERS, when="after")
        jobs: list[Callable[[], Any]] = [upgrade(shop, *who) for who in people]
        answers = at_once([*jobs, lambda: crash(site, cluster)])[:-1]
        assert {answer.status_code for answer in answers} <= {200, 202}
        for _, place in people:
            eventually(lambda place=place: settled(site, place.id))
        finished(site, [place.id for _, place in people])


def upgrade(shop: Shop, person: Any, place: Any) -> Callable[[], Answer]:
    headers = {"Idempotency-Key": uuid4().hex}
    return lambda: insistent(lambda: shop.upgrade(person, place.slug, headers=headers))


def crash(site: Site, cluster: Cluster) -> None:
    """Wait until Stripe has been asked for money, then break everything."""
    eventually(lambda: site.calls("POST", CONFIRMATION))
    cluster.crash()
    # What the dead connections held: their leases, and the keys of the requests they served.
    eventually(lambda: site.rows(Charge), every=0.3)
    time.sleep(1)
    site.lapse()
    site.unlock()


def settled(site: Site, workspace_id: int) -> bool:
    rows = site.rows(Charge, Charge.workspace_id == workspace_id)
    return [row.status for row in rows] == ["succeeded"]


def finished(site: Site, ids: list[int]) -> None:
    """One payment and one paid invoice each, a PDF of it, and numbers without a gap."""
    for workspace_id in ids:
        assert [p["status"] for p in site.payments(workspace_id)] == ["succeeded"]
    invoices = site.rows(Invoice, Invoice.workspace_id.in_(ids))
    assert [i.status for i in invoices] == ["paid"] * len(ids)
    numbers = sorted(int(i.invoice_number.rpartition("-")[2]) for i in site.rows(Invoice))
    assert numbers == list(range(1, len(numbers) + 1))
    where = InvoiceDocument.invoice_id.in_([i.id for i in invoices])
    eventually(
        lambda: {d.state for d in site.rows(InvoiceDocument, where)} == {"rendered"}, seconds=30
    )
