"""A card is deleted while it is being charged: charged or not, and the row says which."""

from __future__ import annotations

import pytest

from payments.invoices.models import Invoice
from payments.workspaces.models import Charge, PaymentMethod
from tests.support.errands import CONFIRMATION, CREATION
from tests.support.people import Person, Place
from tests.support.shop import Shop, eventually
from tests.support.site import Site, at_once

HELD_MS = 1500


@pytest.fixture
def two_cards(site: Site, shop: Shop) -> tuple[Person, Place]:
    """Somebody with a default card and another one."""
    person, place = site.customer()
    shop.save_card(person, place.slug, "pm_card_mastercard")
    return person, place


def delete_while_charged(
    site: Site, shop: Shop, who: tuple[Person, Place], when: str, path: str
) -> int:
    """Delete the default while Stripe sits on its charge; return the upgrade's status."""
    person, place = who
    (card,) = [c["id"] for c in shop.cards(person, place.slug) if c["isDefault"]]
    site.fault("delay", "POST", path, ms=HELD_MS, when=when)

    def delete() -> int:
        eventually(lambda: not shop.control("GET", "faults")["data"])
        path = f"/api/payments/{place.slug}/payment-methods/{card}"
        return shop.call("DELETE", path, person).status_code

    statuses = at_once([lambda: shop.upgrade(person, place.slug).status_code, delete])
    assert statuses[1] == 200
    return statuses[0]


def defaults(site: Site, place: Place) -> list[str | None]:
    rows = site.rows(PaymentMethod, PaymentMethod.workspace_id == place.id)
    assert not any(row.is_default for row in rows if not row.is_active)
    return [row.card_brand for row in rows if row.is_active and row.is_default]


@pytest.mark.usefixtures("crew")
class TestDeletedMeanwhile:
    """The default card goes while Stripe sits on its charge."""

    def test_after_stripe_took_the_money(self, site, shop, two_cards):
        """The money is taken: the plan is granted, and the invoice still names the deleted card."""
        _, place = two_cards
        assert delete_while_charged(site, shop, two_cards, "after", CONFIRMATION) == 200
        invoice = site.row(Invoice, Invoice.workspace_id == place.id)
        assert (invoice.status, invoice.card_brand) == ("paid", "visa")
        assert [p["status"] for p in site.payments(place.id)] == ["succeeded"]
        assert defaults(site, place) == ["mastercard"]

    @pytest.mark.parametrize("path", [CREATION, CONFIRMATION], ids=["creation", "confirmation"])
    def test_before_stripe_took_the_money(self, site, shop, two_cards, path):
        """Stripe refuses a detached card: a clear 400, a failed invoice, and the next card goes."""
        person, place = two_cards
        assert delete_while_charged(site, shop, two_cards, "before", path) == 400
        charge = site.row(Charge, Charge.workspace_id == place.id)
        assert (charge.status, charge.error_code) == ("failed", "invalid_payment_method")
        assert [p for p in site.payments(place.id) if p["status"] == "succeeded"] == []
        assert defaults(site, place) == ["mastercard"]
        assert shop.upgrade(person, place.slug).status_code == 200
        assert [i.status for i in site.rows(Invoice, Invoice.workspace_id == place.id)] == [
            "failed",
            "paid",
        ]
