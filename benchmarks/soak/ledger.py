"""Two ledgers side by side, Stripe's and ours: every sentence here must hold to the cent."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from payments.invoices.models import Invoice, InvoiceCounter
from payments.projects.models import Payment, ProjectRevenue, Subscription
from payments.projects.sync.topics import TYPES
from payments.webhooks.handlers import HANDLERS
from payments.webhooks.models import PLATFORM, PROCESSED, WebhookEvent
from payments.workspaces.models import Charge, Refund
from tests.support.shop import Shop
from tests.support.site import Site


@dataclass
class Findings:
    """What was compared, and every disagreement."""

    figures: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def check(self, true: bool, sentence: str) -> None:
        if not true:
            self.faults.append(sentence)

    def same(self, what: str, ours: int, theirs: int) -> None:
        self.figures[what] = theirs
        self.check(ours == theirs, f"{what}: ours {ours}, Stripe's {theirs}")


def listed(shop: Shop, what: str, **query: Any) -> list[dict[str, Any]]:
    """Return all objects of a list, page by page."""
    found: list[dict[str, Any]] = []
    while True:
        after = {"starting_after": found[-1]["id"]} if found else {}
        page = shop.stripe("GET", f"/v1/{what}", limit=100, **query, **after)
        found += page["data"]
        if not page["has_more"]:
            return found


def compare(site: Site, project: Shop, project_id: str) -> Findings:
    """Compare everything; no process of the service needs to be alive for it."""
    found = Findings()
    _charges(site, found)
    _refunds(site, found)
    _numbers(site, found)
    _events(site, site.shop, PLATFORM, set(HANDLERS), found)
    _events(site, project, project_id, set(TYPES), found)
    _subscriptions(site, project, project_id, found)
    return found


def _charges(site: Site, found: Findings) -> None:
    charges = site.rows(Charge)
    invoices = {invoice.id: invoice for invoice in site.rows(Invoice)}
    paid = [p for p in listed(site.shop, "payment_intents") if p["status"] == "succeeded"]
    by_charge = Counter(p["metadata"].get("charge") for p in paid)
    theirs = {p["id"]: p["amount_received"] for p in paid}
    done = [c for c in charges if c.status == "succeeded"]
    found.check(all(n == 1 for n in by_charge.values()), "a charge was paid for twice")
    found.same("charges paid", len(done), len(paid))
    found.same("cents taken", sum(c.amount_minor for c in done), sum(theirs.values()))
    for charge in charges:
        invoice, intent = invoices.get(charge.invoice_id), charge.stripe_payment_intent_id
        what = f"charge {charge.id}"
        found.check(charge.status not in {"pending"}, f"{what} is still open")
        if invoice is None:
            found.check(False, f"{what} has no invoice")
            continue
        settled = invoice.status in {"paid", "refunded"}
        found.check(settled == (charge.status == "succeeded"), f"{what}: its invoice disagrees")
        if charge.status == "succeeded":
            agree = theirs.get(intent or "") == charge.amount_minor == invoice.amount_minor
            found.check(agree, f"{what}: amounts disagree")
    with_charge = {charge.invoice_id for charge in charges}
    for invoice in invoices.values():
        owed = invoice.type == "plan_upgrade" and invoice.amount_minor > 0
        found.check(not owed or invoice.id in with_charge, f"{invoice.invoice_number}: no charge")


def _refunds(site: Site, found: Findings) -> None:
    theirs: dict[str, int] = defaultdict(int)
    for refund in listed(site.shop, "refunds"):
        if refund["status"] not in {"failed", "canceled"}:
            theirs[refund["payment_intent"]] += refund["amount"]
    ours = {
        i.stripe_payment_intent_id: i.refunded_minor for i in site.rows(Invoice) if i.refunded_minor
    }
    found.same("cents given back", sum(ours.values()), sum(theirs.values()))
    found.check(ours == dict(theirs), "refunds of single payments disagree")
    open_ = [r.id for r in site.rows(Refund) if r.status == "pending"]
    found.check(not open_, f"refunds are still open: {open_}")


def _numbers(site: Site, found: Findings) -> None:
    counters = site.read(lambda s: {c.day: c.last for c in s.scalars(sa.select(InvoiceCounter))})
    numbers = sorted(i.invoice_number for i in site.rows(Invoice))
    wanted = sorted(
        f"INV-{day:%Y%m%d}-{n:04d}" for day, last in counters.items() for n in range(1, last + 1)
    )
    found.figures["invoices"] = len(numbers)
    found.check(numbers == wanted, "invoice numbers have a gap or a duplicate")


def _events(site: Site, shop: Shop, owner: str, ours: set[str], found: Findings) -> None:
    sent = {e["id"] for e in listed(shop, "events") if e["type"] in ours}
    rows = site.rows(WebhookEvent, WebhookEvent.owner == owner)
    states = {event.event_id: event.state for event in rows}
    kind = "platform" if owner == PLATFORM else "project"
    found.figures[f"events of the {kind}"] = len(sent)
    lost = sent - states.keys()
    found.check(not lost, f"{len(lost)} events of the {kind} are lost")
    open_ = Counter(s for e, s in states.items() if e in sent and s != PROCESSED)
    found.check(not open_, f"events of the {kind} are not handled: {dict(open_)}")


def _subscriptions(site: Site, shop: Shop, project_id: str, found: Findings) -> None:
    mine = site.rows(Subscription, Subscription.project_id == project_id)
    ours = {row.subscription_id: row.status for row in mine}
    theirs = {s["id"]: s["status"] for s in listed(shop, "subscriptions", status="all")}
    found.same("subscriptions", len(ours), len(theirs))
    wrong = [held for held in theirs.items() if ours.get(held[0]) != held[1]]
    found.check(not wrong, f"subscriptions stand differently: {wrong[:5]}")
    paid = sum(invoice["amount_paid"] for invoice in listed(shop, "invoices"))
    payments = site.rows(Payment, Payment.project_id == project_id)
    held = sum(row.amount_cents for row in payments if row.status == "succeeded")
    found.same("cents of subscriptions", held, paid)
    counted = site.rows(ProjectRevenue, ProjectRevenue.project_id == project_id)
    revenue = {row.currency: row.revenue_cents for row in counted}
    found.check(revenue == {"usd": held}, "the project's counters disagree with its rows")
