"""Many requests at the same moment, against real web and worker processes."""

from __future__ import annotations

from collections import Counter
from uuid import uuid4

import pytest

from payments.invoices.models import Invoice
from payments.workspaces.models import Charge, PaymentMethod, Refund, Workspace
from tests.support.people import Person, Place
from tests.support.processes import Answer
from tests.support.shop import Shop, eventually
from tests.support.site import Site, at_once

pytestmark = pytest.mark.usefixtures("crew")

MANY = 20


def upgrade_all(shop: Shop, person: Person, place: Place, **options) -> list[Answer]:
    """Send the same upgrade MANY times at once; `keys` gives each request its own header."""
    keys = options.pop("keys", [None] * MANY)

    def job(key: str | None):
        headers = {"Idempotency-Key": key} if key else {}
        return lambda: shop.upgrade(person, place.slug, headers=headers, **options)

    return at_once([job(key) for key in keys])


def unexpected(shop: Shop, answers: list[Answer]) -> str:
    """Say what was answered, and what the web server wrote about it."""
    return (
        f"{Counter((a.status_code, a.text) for a in answers)}\n{shop.client.group.output[-6000:]}"
    )


def assert_charged_once(site: Site, shop: Shop, place: Place, answers: list[Answer]) -> None:
    """One payment at Stripe, one paid invoice, the plan switched, and no answer of ours is 5xx."""
    statuses = Counter(answer.status_code for answer in answers)
    assert set(statuses) <= {200, 400, 409}, unexpected(shop, answers)
    assert statuses[200] >= 1
    assert [(p["status"], p["amount"]) for p in site.payments(place.id)] == [("succeeded", 999)]
    invoices = site.rows(Invoice, Invoice.workspace_id == place.id)
    assert [(i.status, i.amount_minor) for i in invoices] == [("paid", 999)]
    assert [c.status for c in site.rows(Charge, Charge.workspace_id == place.id)] == ["succeeded"]


class TestUpgrades:
    def test_one_of_twenty_is_charged(self, site, shop):
        """Twenty upgrades at once: one is charged, the others learn that one runs or has run."""
        person, place = site.customer()
        answers = upgrade_all(shop, person, place)
        assert_charged_once(site, shop, place, answers)
        assert sum(a.status_code == 200 for a in answers) == 1
        refused = {a.json["code"] for a in answers if a.status_code != 200}
        assert refused <= {"charge_in_progress", "not_an_upgrade"}

    def test_twenty_keys_of_a_client_do_not_make_it_more(self, site, shop):
        """A client that makes a new Idempotency-Key for each try is still charged once."""
        person, place = site.customer()
        answers = upgrade_all(shop, person, place, keys=[uuid4().hex for _ in range(MANY)])
        assert_charged_once(site, shop, place, answers)
        assert sum(a.status_code == 200 for a in answers) == 1

    def test_one_key_gets_one_answer(self, site, shop):
        """Under one key every answer is the first one's, or says that the first one still runs."""
        person, place = site.customer()
        answers = upgrade_all(shop, person, place, keys=[uuid4().hex] * MANY)
        assert_charged_once(site, shop, place, answers)
        refused = [a.json["code"] for a in answers if a.status_code != 200]
        assert set(refused) <= {"idempotency_key_in_use"}
        assert len({a.data for a in answers if a.status_code == 200}) == 1

    def test_one_key_repeated_afterwards_replays(self, site, shop):
        """Twenty repetitions of an answered request are twenty times the same answer."""
        person, place = site.customer()
        headers = {"Idempotency-Key": uuid4().hex}
        first = shop.upgrade(person, place.slug, headers=headers)
        answers = upgrade_all(shop, person, place, keys=[headers["Idempotency-Key"]] * MANY)
        assert {(a.status_code, a.data) for a in answers} == {(200, first.data)}
        assert {a.headers["Idempotent-Replayed"] for a in answers} == {"true"}
        assert_charged_once(site, shop, place, answers)

    def test_a_card_that_nobody_saved_yet_is_attached_once(self, site, shop):
        """A raw `pm_...`, twenty times at once and no customer yet: one customer, one row."""
        person, place = site.customer(card=None)
        made = shop.stripe(
            "POST", "/v1/payment_methods", type="card", **{"card[token]": "tok_visa"}
        )
        answers = upgrade_all(shop, person, place, card=made["id"])
        assert_charged_once(site, shop, place, answers)
        (card,) = site.rows(PaymentMethod, PaymentMethod.workspace_id == place.id)
        assert card.is_default
        customers = shop.stripe("GET", "/v1/customers", limit=100)["data"]
        name = site.row(Workspace, Workspace.id == place.id).reference
        own = [c for c in customers if c["metadata"].get("workspace") == name]
        assert [c["id"] for c in own] == [card.stripe_customer_id]

    def test_a_slow_stripe_does_not_make_it_two_customers(self, site, shop):
        """The same while Stripe takes its time over the customer and answers 409 to the others."""
        person, place = site.customer(card=None)
        made = shop.stripe(
            "POST", "/v1/payment_methods", type="card", **{"card[token]": "tok_visa"}
        )
        site.fault("delay", "POST", "/v1/customers", ms=700)
        answers = upgrade_all(shop, person, place, card=made["id"])
        assert_charged_once(site, shop, place, answers)

    def test_neighbours_do_not_wait_for_each_other_to_fail(self, site, shop):
        """Eight workspaces upgrade at once: eight are charged, each once."""
        people = [site.customer() for _ in range(8)]
        jobs = [lambda p=p, w=w: shop.upgrade(p, w.slug) for p, w in people]
        # Of a process's threads half may wait; who comes later is told to ask again.
        assert {a.status_code for a in at_once(jobs)} <= {200, 202}
        for _, place in people:
            of_place = Charge.workspace_id == place.id
            eventually(lambda of_place=of_place: site.row(Charge, of_place).status == "succeeded")
            assert [p["status"] for p in site.payments(place.id)] == ["succeeded"]


class TestRefunds:
    @pytest.fixture
    def paid(self, site, shop):
        person, place = site.customer()
        assert shop.upgrade(person, place.slug).status_code == 200
        return site.row(Invoice, Invoice.workspace_id == place.id)

    def refund_all(self, site, shop, invoice: Invoice, amounts: list[float | None]):
        admin, path = site.admin(), f"/api/admin/invoices/{invoice.id}/refund"
        bodies = [{} if amount is None else {"amount": amount} for amount in amounts]
        return at_once([lambda b=b: shop.call("POST", path, admin, json=b) for b in bodies])

    def test_ten_of_the_whole_give_it_back_once(self, site, shop, paid):
        """Ten full refunds at once: the amount goes back once, nine are refused."""
        answers = self.refund_all(site, shop, paid, [None] * 10)
        assert Counter(a.status_code for a in answers) == {200: 1, 400: 9}
        (made,) = site.refunds(paid.stripe_payment_intent_id)
        assert made["amount"] == 999
        after = site.row(Invoice, Invoice.id == paid.id)
        assert (after.status, after.refunded_minor) == ("refunded", 999)

    def test_parts_never_add_up_to_more(self, site, shop, paid):
        """Ten times 3.00 of 9.99 at once: three go through, and Stripe's sum is ours."""
        answers = self.refund_all(site, shop, paid, [3.0] * 10)
        assert Counter(a.status_code for a in answers) == {200: 3, 400: 7}
        assert sum(r["amount"] for r in site.refunds(paid.stripe_payment_intent_id)) == 900
        after = site.row(Invoice, Invoice.id == paid.id)
        assert (after.status, after.refunded_minor) == ("paid", 900)
        rows = site.rows(Refund, Refund.invoice_id == paid.id)
        assert [r.status for r in rows] == ["succeeded"] * 3
