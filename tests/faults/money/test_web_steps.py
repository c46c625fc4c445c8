"""A web process is killed with SIGKILL once at every step between a request and its answer.

Nobody asks again at first: the sweep alone finishes what was committed. Then the client repeats
his request under its Idempotency-Key, and nothing is done twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests

from payments.invoices.models import Invoice
from payments.kit import steps
from payments.webhooks.models import PROCESSED, WebhookEvent
from payments.workspaces.charges import call
from payments.workspaces.models import Charge, Refund, Workspace
from tests.support import processes
from tests.support.people import Person, Place
from tests.support.processes import HttpClient
from tests.support.shop import Shop, eventually
from tests.support.site import Site
from tests.support.steps import AT_ONCE, Doom, of_the_web

# One process after the other dies and is made anew: on a busy machine that takes its time.
pytestmark = pytest.mark.timeout(300)

# In the order in which a request passes them: each process dies at the first that is left.
UPGRADES = [step for step in steps.CHARGE if step in of_the_web()]
REFUNDS = [step for step in steps.REFUND if step in of_the_web()]
DELIVERIES = [step for step in steps.EVENT if step in of_the_web()]
STARTER, BACK = 999, 400


@dataclass
class Scene:
    """The customers whose requests met a death, by the step, and what they sent."""

    site: Site
    places: dict[str, tuple[Person, Place]] = field(default_factory=dict)
    requests: dict[str, Callable[[Shop], Any]] = field(default_factory=dict)
    events: dict[str, str] = field(default_factory=dict)
    before: dict[str, list[str]] = field(default_factory=dict)

    def charges(self, step: str) -> list[Charge]:
        return self.site.rows(Charge, Charge.workspace_id == self.places[step][1].id)

    def refunds(self, step: str) -> list[Refund]:
        return self.site.rows(Refund, Refund.workspace_id == self.places[step][1].id)

    def delivered(self, step: str) -> list[WebhookEvent]:
        return self.site.rows(WebhookEvent, WebhookEvent.event_id == self.events[step])


@pytest.fixture(scope="module")
def scene(site: Site, web: HttpClient, tmp_path_factory: Any) -> Iterator[Scene]:
    """Let a web process die in every request, then let a worker and the sweep go on."""
    site.clear()
    made = Scene(site)
    prepare(made, site.over(web))
    doom = Doom(tmp_path_factory.mktemp("steps"), tuple(of_the_web()))
    with processes.web(doom.environment(site.environment) | AT_ONCE) as client:
        for step in (*UPGRADES, *REFUNDS, *DELIVERIES):
            with pytest.raises(requests.ConnectionError):
                made.requests[step](site.over(client))
            assert step in doom.met
            eventually(client.answers)
    made.before = states(made)
    site.unlock()
    site.redis.flushdb()
    with site.worker(), site.sweeping():
        yield made


def prepare(made: Scene, shop: Shop) -> None:
    """Write down everybody's request; those who want their money back have paid before."""
    site, admin = made.site, made.site.admin()
    for step in UPGRADES:
        is_first = step == "customer.created"
        person, place = made.places[step] = site.customer(None if is_first else "pm_card_visa")
        card = new_card(shop) if is_first else {}
        made.requests[step] = upgrade(person, place, f"up-{step}", **card)
    for step in (*REFUNDS, *DELIVERIES):
        person, place = made.places[step] = site.customer()
        answer = shop.upgrade(person, place.slug, headers={"Prefer": "respond-async"})
        with site.app.app_context():
            call.run(answer.json["data"]["charge"]["id"])
    for step in REFUNDS:
        invoice = site.row(Invoice, Invoice.workspace_id == made.places[step][1].id)
        made.requests[step] = refund(admin, invoice, f"back-{step}")
    for step in DELIVERIES:
        (intent,) = site.payments(made.places[step][1].id)
        (event,) = shop.events("payment_intent.succeeded", intent["id"])
        made.events[step] = event["id"]
        made.requests[step] = lambda shop, event=event: shop.deliver(event)


def new_card(shop: Shop) -> dict[str, str]:
    """Return a card that nobody saved yet, as an upgrade names it: its owner has no customer."""
    token = {"card[token]": "tok_visa"}
    return {"card": shop.stripe("POST", "/v1/payment_methods", type="card", **token)["id"]}


def upgrade(person: Person, place: Place, key: str, **card: str) -> Callable[[Shop], Any]:
    return lambda shop: shop.upgrade(person, place.slug, headers={"Idempotency-Key": key}, **card)


def refund(admin: Person, invoice: Invoice, key: str) -> Callable[[Shop], Any]:
    path, body = f"/api/admin/invoices/{invoice.id}/refund", {"amount": BACK // 100}
    return lambda shop: shop.call("POST", path, admin, json=body, headers={"Idempotency-Key": key})


def states(made: Scene) -> dict[str, list[str]]:
    found = {step: [row.status for row in made.charges(step)] for step in UPGRADES}
    found |= {step: [row.status for row in made.refunds(step)] for step in REFUNDS}
    return found | {step: [row.state for row in made.delivered(step)] for step in DELIVERIES}


@pytest.mark.parametrize("step", [*UPGRADES, *REFUNDS, *DELIVERIES])
def test_the_row_is_there_once_it_was_committed(scene, step):
    """A request that died before its commit has left nothing, not even a number."""
    left = {"event.stored": ["received"], "event.woken": ["received"]}
    nothing = step.endswith(".reserved") or step == "customer.created"
    assert scene.before[step] == ([] if nothing else left.get(step, ["pending"]))


@pytest.mark.parametrize("step", UPGRADES)
def test_an_upgrade_is_charged_once(site, web, scene, step):
    """By the sweep alone, or by the repeated request where nothing was left: never by both."""
    if scene.before[step]:
        eventually(lambda: scene.charges(step)[0].status == "succeeded")
    answer = scene.requests[step](site.over(web))
    assert answer.status_code == 200, answer.text
    _, place = scene.places[step]
    assert [p["amount_received"] for p in site.payments(place.id)] == [STARTER]
    assert [c.status for c in scene.charges(step)] == ["succeeded"]
    invoices = site.rows(Invoice, Invoice.workspace_id == place.id)
    assert [(i.status, i.amount_minor) for i in invoices] == [("paid", STARTER)]


def test_a_customer_whose_creation_was_not_noted_is_found_again(site, scene):
    """Created once: the repeated request sends the same key and is told of the same customer."""
    _, place = scene.places["customer.created"]
    workspace = site.row(Workspace, Workspace.id == place.id)
    listed = site.shop.stripe("GET", "/v1/customers", limit=100)["data"]
    own = [c["id"] for c in listed if c["metadata"].get("workspace") == workspace.reference]
    assert own == [workspace.stripe_customer_id]


@pytest.mark.parametrize("step", REFUNDS)
def test_a_refund_is_made_once(site, web, scene, step):
    """The same for money on its way back."""
    if scene.before[step]:
        eventually(lambda: scene.refunds(step)[0].status == "succeeded")
    answer = scene.requests[step](site.over(web))
    assert answer.status_code == 200, answer.text
    invoice = site.row(Invoice, Invoice.workspace_id == scene.places[step][1].id)
    made = site.refunds(invoice.stripe_payment_intent_id)
    assert [r["amount"] for r in made] == [invoice.refunded_minor] == [BACK]
    assert [r.status for r in scene.refunds(step)] == ["succeeded"]


@pytest.mark.parametrize("step", DELIVERIES)
def test_an_event_that_was_not_thanked_for_is_handled_once(site, web, scene, step):
    """The sweep handles what was stored; Stripe's second delivery finds it there."""
    eventually(lambda: scene.delivered(step)[0].state == PROCESSED)
    assert scene.requests[step](site.over(web)).status_code == 200
    (row,) = scene.delivered(step)
    assert (row.state, row.tries) == (PROCESSED, 1)
