"""An event that kills its worker's process, as one that eats all memory does: it ends up alone."""

from __future__ import annotations

import json
from collections import Counter

import sqlalchemy as sa

from payments.invoices.models import InvoiceDocument
from payments.kit import clock
from payments.webhooks import inbox
from payments.webhooks.models import DEAD, PLATFORM, PROCESSED, WebhookEvent
from payments.workspaces import documents
from payments.workspaces.models import Charge
from tests.support import deadly, processes
from tests.support.deliveries import made_up
from tests.support.processes import Group
from tests.support.shop import eventually
from tests.support.site import Site

NEIGHBOURS = 60
ASYNC = {"Prefer": "respond-async"}


def started(site: Site) -> Group:
    """Start a worker with one process, in which the deadly event kills for real."""
    environment = {**site.environment, "DEADLY": deadly.ID}
    return processes.start_worker(environment, "--include", "tests.support.deadly", processes=1)


def stored(site: Site, object_id: str) -> str:
    event = made_up(deadly.TYPE, data={"object": {"id": object_id, "object": "payment_method"}})
    with site.app.app_context():
        assert inbox.store(PLATFORM, event, json.dumps(event))
    return str(event["id"])


def test_it_takes_no_neighbours_along(site: Site) -> None:
    """Sixty events before and after it are handled; it is tried alone, and dead in the end."""
    site.clear()
    names = [stored(site, f"pm_{n}") for n in range(NEIGHBOURS // 2)]
    poison = stored(site, deadly.ID)
    names += [stored(site, f"pm_{n}") for n in range(NEIGHBOURS // 2)]

    def states() -> Counter[str]:
        rows = site.rows(WebhookEvent, WebhookEvent.event_id.in_(names))
        return Counter(row.state for row in rows)

    def killer() -> WebhookEvent:
        return site.row(WebhookEvent, WebhookEvent.event_id == poison)

    def killed_again() -> bool:
        """Let a minute pass and sweep, until the next process has died of it."""
        fence = killer().fence
        site.lapse(WebhookEvent)

        def look() -> bool:
            site.sweep()
            return killer().fence > fence or killer().state == DEAD

        return eventually(look, seconds=30, every=0.3)

    with processes.running(started(site)) as group:
        site.sweep()
        eventually(lambda: killer().tries == 1)
        while states() != {PROCESSED: NEIGHBOURS}:
            killed_again()
            assert killer().tries <= 5
        tries = [r.tries for r in site.rows(WebhookEvent, WebhookEvent.event_id.in_(names))]
        assert max(tries) <= 4
        many = sa.update(WebhookEvent).where(WebhookEvent.event_id == poison)
        site.run(lambda session: session.execute(many.values(tries=inbox.MOST_TRIES - 1)))
        while killer().state != DEAD:
            killed_again()
        assert group.running
    row = killer()
    assert (row.tries, row.leased_until) == (inbox.MOST_TRIES, None)
    assert row.last_error == f"its worker did not come back, {inbox.MOST_TRIES} times"


def test_a_pdf_that_kills_is_given_up(site: Site) -> None:
    """Its claims are counted, though nobody ever came back to say how it went."""
    site.clear()
    person, place = site.customer()
    site.shop.upgrade(person, place.slug, headers=ASYNC)
    charge = site.row(Charge, Charge.workspace_id == place.id)
    with site.app.app_context():
        from payments.workspaces.charges import call

        call.run(charge.id)
    where = InvoiceDocument.invoice_id == charge.invoice_id
    for _ in range(documents.MOST_TRIES):
        with site.app.app_context():
            assert documents._claimed(charge.invoice_id) is not None
        site.lapse(InvoiceDocument)
    with site.app.app_context():
        documents.render(charge.invoice_id)
    row = site.row(InvoiceDocument, where)
    assert (row.state, row.leased_until) == (documents.DEAD, None)
    assert "did not come back" in (row.last_error or "")
    assert clock.now() >= row.updated_at
