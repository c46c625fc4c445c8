"""While nobody knows whether the money moved, nothing else may move it: not a colleague either."""

from __future__ import annotations

from uuid import uuid4

import pytest

from payments.invoices.models import Invoice
from payments.kit import clock
from payments.workspaces.models import Charge
from tests.support.errands import CONFIRMATION
from tests.support.people import Person, Place, join, sign_up
from tests.support.processes import Answer
from tests.support.shop import Shop, eventually
from tests.support.site import Site


@pytest.fixture
def unknown(site: Site, shop: Shop) -> tuple[Person, Place, int]:
    """Somebody whose upgrade to pro has reached Stripe; its answer was lost."""
    person, place = site.customer()
    assert shop.upgrade(person, place.slug).status_code == 200
    site.fault("drop_after", "POST", CONFIRMATION)
    answer = shop.upgrade(person, place.slug, "pro", headers={"Prefer": "respond-async"})
    charge_id = answer.json["data"]["charge"]["id"]
    where = Charge.id == charge_id
    eventually(lambda: (c := site.row(Charge, where)).uncertain and c.leased_until is None)
    put_off(site, charge_id)
    return person, place, charge_id


def put_off(site: Site, charge_id: int) -> None:
    """Keep the row from being tried again until the test lets it."""
    due = clock.now().replace(year=clock.now().year + 1)
    site.run(lambda session: setattr(session.get(Charge, charge_id), "due_at", due))


def resolve(site: Site, charge_id: int) -> Charge:
    site.run(lambda session: setattr(session.get(Charge, charge_id), "due_at", clock.now()))
    where = Charge.id == charge_id
    with site.sweeping():
        return eventually(
            lambda: (c := site.row(Charge, where)).status != "pending" and c, seconds=30
        )


def paid(site: Site, place: Place) -> list[int]:
    return sorted(p["amount_received"] for p in site.payments(place.id))


def refused(answer: Answer, charge_id: int) -> None:
    assert (answer.status_code, answer.json["code"]) == (409, "charge_in_progress")
    assert answer.json["details"] == {"chargeId": charge_id, "status": "pending"}


@pytest.mark.usefixtures("crew")
class TestUnknown:
    """A charge whose answer was lost, and whose row is not tried again yet."""

    def test_another_upgrade_is_refused_until_it_is_known(self, site, shop, unknown):
        """Another tab, key, plan, card or admin: all are told which charge is open."""
        person, place, charge_id = unknown
        colleague = sign_up(site.client)
        join(place, person, colleague, "admin")
        other = shop.save_card(person, place.slug, "pm_card_mastercard")
        key = {"Idempotency-Key": uuid4().hex}
        refused(shop.upgrade(person, place.slug, "pro"), charge_id)
        refused(shop.upgrade(person, place.slug, "ultimate", headers=key), charge_id)
        refused(shop.upgrade(person, place.slug, "pro", card=other), charge_id)
        refused(shop.upgrade(colleague, place.slug, "pro"), charge_id)
        assert resolve(site, charge_id).status == "succeeded"
        assert paid(site, place) == [999, 2999]
        assert shop.upgrade(colleague, place.slug, "pro").json["code"] == "not_an_upgrade"
        assert paid(site, place) == [999, 2999]

    def test_a_downgrade_meanwhile_does_not_cost_what_was_paid_for(self, site, shop, unknown):
        """Down at once; then the charge turns out paid, and its plan is the last word."""
        person, place, charge_id = unknown
        path = f"{place.plan_changes}/downgrade-plan"
        assert shop.call("POST", path, person, json={"planSlug": "free"}).status_code == 200
        charge = resolve(site, charge_id)
        assert (charge.status, charge.needs_attention) == ("succeeded", False)
        workspace = shop.call("GET", place.path, person).json["data"]
        assert workspace["plan"]["slug"] == "pro"
        assert paid(site, place) == [999, 2999]
        invoices = site.rows(Invoice, Invoice.workspace_id == place.id)
        assert [(i.type, i.amount_minor, i.status) for i in invoices] == [
            ("plan_upgrade", 999, "paid"),
            ("plan_upgrade", 2999, "paid"),
            ("plan_downgrade", 0, "paid"),
        ]
