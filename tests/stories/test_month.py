"""A month of one workspace, day by day, and at its end both ledgers side by side."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from pypdf import PdfReader

from payments.auth.models import User
from payments.invoices.models import Invoice
from payments.kit import clock
from payments.kit.db import db
from payments.kit.transactions import transaction
from payments.workspaces.models import PaymentMethod, Workspace
from tests.support.people import Person, sign_up
from tests.support.replay import workspace_held, workspace_told
from tests.support.shop import Shop, eventually
from tests.support.till import column


class Month:
    """The workspace, the clocks of both sides, and what its invoices are expected to say."""

    def __init__(self, shop: Shop, app: Any, advance: Callable[[timedelta], None]) -> None:
        self.shop, self.app, self._advance = shop, app, advance
        self.person = sign_up(shop.client, "Olivia")
        self.slug = self.person.home.slug
        self.admin = self._admin()
        self.expected: list[tuple[str, str, float, float]] = []
        self._told: set[str] = {e["id"] for e in self._events()}

    def _admin(self) -> Person:
        admin = sign_up(self.shop.client, "Root")
        with self.app.app_context(), transaction() as session:
            session.execute(sa.update(User).where(User.id == admin.id).values(is_admin=True))
        return admin

    def days(self, number: int) -> None:
        """Let days pass, here and at Stripe."""
        self._advance(timedelta(days=number))
        self.shop.control("POST", "clock/advance", {"seconds": number * 86400})

    def change(self, move: str, plan: str, **body: Any) -> Any:
        path = f"/api/payments/workspace/{self.slug}/{move}-plan"
        return self.shop.call("POST", path, self.person, json={"planSlug": plan, **body})

    def refund(self, index: int, **body: Any) -> Any:
        invoice = self.invoices()[index]
        path = f"/api/admin/invoices/{invoice['id']}/refund"
        return self.shop.call("POST", path, self.admin, json=body)

    def invoices(self) -> list[dict[str, Any]]:
        return self.shop.invoices(self.person, self.slug)

    def _events(self) -> list[dict[str, Any]]:
        return list(self.shop.stripe("GET", "/v1/events", limit=100)["data"])

    def hear(self) -> None:
        """Let every event since the last time arrive, the newest first."""
        for event in self._events():
            if event["id"] not in self._told:
                self._told.add(event["id"])
                assert self.shop.deliver(event).status_code == 200

    def check(self, plan: str) -> None:
        """Compare lists, totals, the plan and every PDF with what has happened so far.

        Whoever has nothing but the timeline comes to the same rows.
        """
        eventually(lambda: self._told_by_lists() == self.expected)
        workspace = self.shop.call("GET", f"/api/workspaces/{self.slug}", self.person).json["data"]
        current = workspace.get("workspace", workspace)
        plans = self.shop.call("GET", "/api/pricing-plans").json["data"]
        assert {p["id"]: p["slug"] for p in plans}[current["planId"]] == plan
        self._check_totals()
        told = workspace_told(self.app, self.person.home.id)
        assert told["plan"] == plan
        assert told == workspace_held(self.app, self.person.home.id)
        for invoice, expected in zip(self.invoices(), self.expected, strict=True):
            self._check_pdf(invoice, expected)

    def _told_by_lists(self) -> list[tuple[str, str, float, float]]:
        return [
            (i["planSlug"], i["status"], i["amount"], i["refundedAmount"]) for i in self.invoices()
        ]

    def _check_totals(self) -> None:
        path = f"/api/payments/{self.slug}/invoices"
        whole = self.shop.call("GET", path, self.person, query_string={"include_all": "true"}).json
        usual = self.shop.call("GET", path, self.person).json
        refunded = sum(status == "refunded" for _, status, _, _ in self.expected)
        assert whole["pagination"]["total"] == whole["count"] == len(self.expected)
        assert usual["pagination"]["total"] == len(self.expected) - refunded

    def _check_pdf(self, invoice: dict[str, Any], expected: tuple[str, str, float, float]) -> None:
        path = f"/api/payments/{self.slug}/invoices/{invoice['id']}/download"
        answer = self.shop.call("GET", path, self.person)
        assert answer.status_code == 200
        text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(answer.data)).pages)
        _, status, amount, refunded = expected
        assert invoice["invoiceNumber"] in text
        assert f"{amount:.2f}" in text
        assert status.lower() in text.lower()
        if refunded:
            assert f"{refunded:.2f}" in text

    def ledgers(self) -> tuple[int, int]:
        """Return what Stripe holds for this workspace and what our invoices say, in cents."""
        intents = self.shop.stripe("GET", "/v1/payment_intents", limit=100)["data"]
        reference = column(self.app, Workspace, self.person.home.id, "reference")
        own = [
            p["id"]
            for p in intents
            if p["metadata"].get("workspace") == reference and p["status"] == "succeeded"
        ]
        theirs = 0
        for intent in own:
            charges = self.shop.stripe("GET", "/v1/charges", payment_intent=intent)["data"]
            theirs += sum(c["amount_captured"] - c["amount_refunded"] for c in charges)
        with self.app.app_context():
            query = sa.select(sa.func.sum(Invoice.amount_minor - Invoice.refunded_minor)).where(
                Invoice.workspace_id == self.person.home.id,
                Invoice.status.in_(("paid", "refunded")),
            )
            return theirs, int(db.session.scalar(query))


@pytest.fixture
def month(shop, app):
    """The first day; this side's clock is held and moved on together with Stripe's."""
    with clock.frozen(clock.now()) as advance:
        yield Month(shop, app, advance)


def test_a_month(month):  # noqa: PLR0915 - a month has many days
    """Sign-up, cards, a decline, plans up and down, refunds here and in Stripe's dashboard."""
    shop, person, slug = month.shop, month.person, month.slug

    # Day 1: no card yet, then one that cannot be charged.
    assert month.change("upgrade", "starter").json["code"] == "no_payment_method"
    shop.save_card(person, slug, "pm_card_chargeCustomerFail")
    declined = month.change("upgrade", "starter")
    assert (declined.status_code, declined.json["code"]) == (402, "card_declined")
    month.expected.append(("starter", "failed", 9.99, 0))
    month.check("free")

    # Day 3: another card pays, and becomes the default.
    month.days(2)
    good = shop.save_card(person, slug, "pm_card_visa", billingName="Olivia")
    row = next(c for c in shop.cards(person, slug) if c["stripePaymentMethodId"] == good)
    path = f"/api/payments/{slug}/payment-methods/{row['id']}/set-default"
    assert shop.call("PATCH", path, person).status_code == 200
    assert month.change("upgrade", "starter").status_code == 200
    month.expected.append(("starter", "paid", 9.99, 0))
    month.hear()
    month.check("starter")

    # Day 8: some of it back, out of goodwill.
    month.days(5)
    assert month.refund(1, amount=2.5, reason="goodwill").status_code == 200
    month.expected[1] = ("starter", "paid", 9.99, 2.5)
    month.hear()
    month.check("starter")

    # Day 10: up, and two days later down again.
    month.days(2)
    assert month.change("upgrade", "pro").status_code == 200
    month.expected.append(("pro", "paid", 29.99, 0))
    month.days(2)
    assert month.change("downgrade", "starter").status_code == 200
    month.expected.append(("starter", "paid", 0, 0))
    month.hear()
    month.check("starter")

    # Day 17: the same plan by the year.
    month.days(5)
    assert month.change("upgrade", "starter-yearly").status_code == 200
    month.expected.append(("starter-yearly", "paid", 99.9, 0))
    month.check("starter-yearly")

    # Day 20: somebody refunds in Stripe's dashboard, twice.
    month.days(3)
    intent = month.invoices()[2]["stripePaymentIntentId"]
    shop.stripe("POST", "/v1/refunds", payment_intent=intent, amount=1000)
    shop.stripe("POST", "/v1/refunds", payment_intent=intent, amount=1)
    month.expected[2] = ("pro", "paid", 29.99, 10.01)
    month.hear()
    month.check("starter-yearly")

    # Day 25: the issuer replaces the card by a newer one; another is detached in the dashboard.
    month.days(5)
    renewed = {"card[exp_month]": 11, "card[exp_year]": 2044}
    shop.stripe("POST", f"/v1/payment_methods/{good}", **renewed)
    bad = next(c for c in shop.cards(person, slug) if c["stripePaymentMethodId"] != good)
    shop.stripe("POST", f"/v1/payment_methods/{bad['stripePaymentMethodId']}/detach")
    month.hear()
    eventually(lambda: [c["cardExpYear"] for c in shop.cards(person, slug)] == [2044])
    with month.app.app_context():
        own = PaymentMethod.workspace_id == person.home.id
        kept = db.session.scalars(sa.select(PaymentMethod).where(own).order_by(PaymentMethod.id))
        assert [(m.is_active, m.is_default) for m in kept] == [(False, False), (True, True)]

    # Day 28: the year is given back whole, and more cannot be.
    month.days(3)
    assert month.refund(4).status_code == 200
    assert month.refund(4).status_code == 400
    assert month.refund(1, amount=7.5).status_code == 400
    month.expected[4] = ("starter-yearly", "refunded", 99.9, 99.9)
    month.hear()
    month.check("starter-yearly")

    theirs, ours = month.ledgers()
    assert theirs == ours == 999 - 250 + 2999 - 1001
