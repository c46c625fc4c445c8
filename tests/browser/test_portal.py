"""The customer portal, clicked through."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.support.shop import eventually

from .visit import ACCOUNT, Shopper, Visit


@pytest.fixture(params=[1280, 390], ids=["wide", "narrow"])
def width(request: pytest.FixtureRequest) -> int:
    return int(request.param)


def test_cancel_at_the_end_and_resume(visit: Visit, shopper: Shopper) -> None:
    mine = shopper.bought(visit)
    assert mine["cancel_at"] is None
    visit.go(shopper.portal(), "portal")
    with visit.page.expect_navigation():
        visit.page.get_by_role("button", name="Cancel on").click()
    visit.sees("Ends on")
    visit.picture("ending")
    shopper.hear()
    eventually(lambda: shopper.subscription()["cancel_at"] == mine["current_period_end"])

    visit.press("Don't cancel")
    visit.sees("Renews on")
    visit.picture("resumed")
    shopper.hear()
    eventually(lambda: shopper.subscription()["cancel_at"] is None)
    assert shopper.subscription()["status"] == "active"
    visit.page.get_by_role("link", name="Return to").click()
    visit.is_back_at(ACCOUNT)


def test_cancel_now(visit: Visit, shopper: Shopper) -> None:
    shopper.bought(visit)
    visit.go(shopper.portal(), "portal")
    visit.press("Cancel now")
    visit.sees("You have no subscription at present.")
    visit.picture("ended")
    shopper.hear()
    eventually(lambda: shopper.subscription() is None)


def test_another_card(visit: Visit, shopper: Shopper) -> None:
    shopper.bought(visit)
    visit.go(shopper.portal(), "portal")
    visit.sees("Visa ending in 4242")
    visit.page.get_by_text("Change card").click()
    visit.fill_in("4000 0000 0000 0002")
    visit.picture("card-form")
    visit.press("Save card")
    expect(visit.alert).to_have_text("Your card was declined.")
    visit.picture("declined")

    visit.fill_in("5555 5555 5555 4444")
    visit.press("Save card")
    visit.sees("Your card has been saved.")
    visit.sees("Mastercard ending in 4444")
    visit.picture("saved")
    held = shopper.seat.shop.stripe("GET", f"/v1/customers/{shopper.customer}")
    default = held["invoice_settings"]["default_payment_method"]
    card = shopper.seat.shop.stripe("GET", f"/v1/payment_methods/{default}")["card"]
    assert (card["brand"], card["last4"]) == ("mastercard", "4444")


def test_an_invoice(visit: Visit, shopper: Shopper) -> None:
    shopper.bought(visit)
    visit.go(shopper.portal(), "portal")
    visit.page.get_by_role("table").get_by_role("link").click()
    visit.sees("Invoice paid")
    visit.picture("invoice")


def test_pay_what_is_open(visit: Visit, shopper: Shopper) -> None:
    """A renewal fails; the customer changes his card and pays."""
    shopper.bought(visit)
    visit.go(shopper.portal(), "portal")
    visit.page.get_by_text("Change card").click()
    visit.fill_in("4000 0000 0000 0341")
    visit.press("Save card")
    visit.sees("Your card has been saved.")
    shopper.wait(days=32)
    eventually(lambda: shopper.subscription()["status"] == "past_due")

    visit.go(shopper.portal(), "past-due")
    visit.press("Pay now")
    expect(visit.alert).to_have_text("Your card was declined.")
    visit.picture("declined")  # with the form for another card opened
    visit.fill_in("4242 4242 4242 4242")
    visit.press("Save card")
    visit.press("Pay now")
    expect(visit.page.get_by_role("button", name="Pay now")).to_have_count(0)
    visit.picture("paid")
    shopper.hear()
    eventually(lambda: shopper.subscription()["status"] == "active")
    eventually(lambda: shopper.payments() == [("succeeded", 1500)] * 2)
