"""A worker's process is killed with SIGKILL once at every step between a message and its end.

One worker serves all victims: whichever process passes a step first dies there, the next one comes
further. Then a healthy worker and the sweep finish what is open, as they would after the lease.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import sqlalchemy as sa

from payments.invoices.models import Invoice, InvoiceDocument
from payments.kit import steps
from payments.timeline.models import TimelineEntry
from payments.webhooks.models import PROCESSED, WebhookEvent
from payments.workspaces.models import Charge, PricingPlan, Refund, Workspace
from tests.support import processes
from tests.support.people import Person, Place
from tests.support.shop import Shop, eventually
from tests.support.site import Site
from tests.support.steps import READY, Doom, of_the_web

# One process after the other dies and is made anew: on a busy machine that takes its time.
pytestmark = pytest.mark.timeout(300)

ASYNC = {"Prefer": "respond-async"}
REFUNDED = 400
STARTER = 999

IN_WORKER = {
    kind: sorted(set(names) - of_the_web())
    for kind, names in (
        ("charge", steps.CHARGE),
        ("refund", steps.REFUND),
        ("document", steps.DOCUMENT),
        ("event", steps.EVENT),
    )
}
# Only events of projects are looked up at Stripe: `test_project_event_steps` kills there.
IN_WORKER["event"].remove("event.looked")


@dataclass
class Scene:
    """Who was served, where the processes died, and how the rows stood then."""

    site: Site
    doom: Doom
    customers: list[tuple[Person, Place]]
    events: list[str]
    before: dict[str, str] = field(default_factory=dict)

    def died_over(self, step: str, model: Any) -> Any:
        """Return the row that the process was at when it died at a step."""
        name = {Charge: "charge_id", Refund: "refund_id", InvoiceDocument: "invoice_id"}[model]
        column = model.invoice_id if model is InvoiceDocument else model.id
        return self.site.row(model, column == self.doom.errand(step)[name])


@pytest.fixture(scope="module")
def scene(site: Site, web: processes.HttpClient, tmp_path_factory: Any) -> Iterator[Scene]:
    """Let processes die at all steps, then let a healthy worker take over."""
    site.clear()
    doom = Doom(tmp_path_factory.mktemp("steps"))
    made = Scene(site, doom, [site.customer() for _ in range(14)], [])
    shop = site.over(web)
    with processes.worker(doom.environment(site.environment), processes=1, options=READY):
        charge_all(made, shop)
        refund_some(made, shop)
        tell_of_some(made, shop)
    made.before = states(made)
    site.lapse()
    with site.worker(), site.sweeping():
        yield made


def charge_all(made: Scene, shop: Shop) -> None:
    """Upgrade everybody; the first ones' processes die one step later each, then PDFs' do."""
    for person, place in made.customers:
        assert shop.upgrade(person, place.slug, headers=ASYNC).status_code == 202
    made.doom.wait([*IN_WORKER["charge"], *IN_WORKER["document"]], seconds=120)


def refund_some(made: Scene, shop: Shop) -> None:
    """Give a part back to those who were charged without a death."""
    admin = made.site.admin()
    for _, place in made.customers[-len(IN_WORKER["refund"]) :]:
        where = (Invoice.workspace_id == place.id, Invoice.status == "paid")
        (invoice,) = eventually(lambda where=where: made.site.rows(Invoice, *where))
        path = f"/api/admin/invoices/{invoice.id}/refund"
        body = {"amount": REFUNDED // 100}
        assert shop.call("POST", path, admin, json=body, headers=ASYNC).status_code == 202
    made.doom.wait(IN_WORKER["refund"], seconds=120)


def tell_of_some(made: Scene, shop: Shop) -> None:
    """Deliver Stripe's events about payments that are recorded already, one a death."""
    for _, place in made.customers[-len(IN_WORKER["event"]) :]:
        known = made.doom.met
        (intent,) = made.site.payments(place.id)
        (event,) = shop.events("payment_intent.succeeded", intent["id"])
        assert shop.deliver(event).status_code == 200
        made.events.append(event["id"])
        eventually(lambda known=known: made.doom.met - known, seconds=60)


def states(made: Scene) -> dict[str, str]:
    """Return how the rows stood, by the step at which the process over them died."""
    found = {}
    for kind, model in (("charge", Charge), ("refund", Refund)):
        for step in IN_WORKER[kind]:
            found[step] = made.died_over(step, model).status
    for step in IN_WORKER["document"]:
        found[step] = made.died_over(step, InvoiceDocument).state
    return found


AFTER_THE_COMMIT = {
    "charge.recorded": "succeeded",
    "charge.announced": "succeeded",
    "refund.recorded": "succeeded",
    "refund.announced": "succeeded",
    "document.settled": "rendered",
}


@pytest.mark.parametrize(
    "step", [step for kind in ("charge", "refund", "document") for step in IN_WORKER[kind]]
)
def test_the_kill_came_between_two_effects(scene, step):
    """What was committed when the process died is there, and nothing else is."""
    assert scene.before[step] == AFTER_THE_COMMIT.get(step, "pending")


@pytest.mark.parametrize("step", IN_WORKER["charge"])
def test_a_charge_is_made_once_and_recorded(site, scene, step):
    """One succeeded payment, one paid invoice, the plan switched, one note, one PDF."""
    charge = eventually(lambda: settled(scene.died_over(step, Charge)))
    assert charge.status == "succeeded"
    (payment,) = site.payments(charge.workspace_id)
    assert (payment["id"], payment["status"]) == (charge.stripe_payment_intent_id, "succeeded")
    (taken,) = site.shop.stripe("GET", "/v1/charges", payment_intent=payment["id"])["data"]
    (invoice,) = site.rows(Invoice, Invoice.workspace_id == charge.workspace_id)
    assert invoice.amount_minor == taken["amount_captured"] == STARTER
    assert (invoice.status, invoice.stripe_payment_intent_id) == ("paid", payment["id"])
    assert plan_of(site, charge.workspace_id) == "starter"
    assert noted(site, f"charge:{charge.id}") == ["charge.succeeded"]
    eventually(lambda: rendered(site, invoice.id))


@pytest.mark.parametrize("step", IN_WORKER["refund"])
def test_a_refund_is_made_once_and_recorded(site, scene, step):
    """One refund at Stripe, the invoice tells its amount, and so does the PDF."""
    refund = eventually(lambda: settled(scene.died_over(step, Refund)))
    invoice = site.row(Invoice, Invoice.id == refund.invoice_id)
    (theirs,) = site.refunds(invoice.stripe_payment_intent_id)
    assert (refund.status, refund.stripe_refund_id) == ("succeeded", theirs["id"])
    assert invoice.refunded_minor == theirs["amount"] == REFUNDED
    assert noted(site, f"refund:{refund.id}") == ["refund.succeeded"]
    eventually(lambda: rendered(site, invoice.id))


@pytest.mark.parametrize("step", IN_WORKER["document"])
def test_a_pdf_is_stored_whole(site, scene, step):
    """Rendered by the one who came after; no half-written file is left beside it."""
    row = scene.died_over(step, InvoiceDocument)
    invoice = site.row(Invoice, Invoice.id == row.invoice_id)
    eventually(lambda: rendered(site, invoice.id))
    folder = site.settings.data_dir / "invoices" / str(invoice.workspace_id)
    (file,) = folder.iterdir()
    assert file.name == f"{invoice.invoice_number}.pdf"
    assert file.read_bytes().startswith(b"%PDF-")


@pytest.mark.parametrize("step", IN_WORKER["event"])
def test_an_event_is_handled_once(site, scene, step):
    """Whoever died over an event leaves it to the next one; its payment is not recorded twice."""
    assert step in scene.doom.met
    for event_id in scene.events:
        where = WebhookEvent.event_id == event_id
        eventually(lambda where=where: site.row(WebhookEvent, where).state == PROCESSED)
        intent = json.loads(site.row(WebhookEvent, where).payload)["data"]["object"]
        charge = site.row(Charge, Charge.stripe_payment_intent_id == intent["id"])
        assert noted(site, f"charge:{charge.id}") == ["charge.succeeded"]


def test_both_ledgers_agree_to_the_cent(site, scene):
    """What Stripe took and gave back for these customers is what our invoices say."""
    ids = [place.id for _, place in scene.customers]
    for workspace_id in ids:
        charge = site.row(Charge, Charge.workspace_id == workspace_id)
        eventually(lambda c=charge: settled(site.row(Charge, Charge.id == c.id)))
    eventually(lambda: not site.rows(Refund, Refund.status == "pending"))
    invoices = site.rows(Invoice, Invoice.workspace_id.in_(ids))
    payments = [payment for workspace_id in ids for payment in site.payments(workspace_id)]
    assert sum(i.amount_minor for i in invoices) == sum(p["amount_received"] for p in payments)
    back = sum(r["amount"] for p in payments for r in site.refunds(p["id"]))
    assert sum(i.refunded_minor for i in invoices) == back == REFUNDED * len(IN_WORKER["refund"])


def settled(row: Any) -> Any:
    return row if row.status != "pending" else None


def rendered(site: Site, invoice_id: int) -> bool:
    document = site.row(InvoiceDocument, InvoiceDocument.invoice_id == invoice_id)
    return document.state == "rendered" and document.leased_until is None


def noted(site: Site, subject: str) -> list[str]:
    kinds = [e.kind for e in site.rows(TimelineEntry, TimelineEntry.subject == subject)]
    return [kind for kind in kinds if kind.endswith((".succeeded", ".failed"))]


def plan_of(site: Site, workspace_id: int) -> str:
    query = sa.select(PricingPlan.slug).join(Workspace, Workspace.plan_id == PricingPlan.id)
    return site.read(lambda s: s.scalars(query.where(Workspace.id == workspace_id)).one())
