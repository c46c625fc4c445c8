"""Checkout and 3D Secure, clicked through."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.support.shop import eventually

from .visit import CART, DONE, Shopper, Visit

GOOD, DECLINED, CAUTIOUS = "4242 4242 4242 4242", "4000 0000 0000 0002", "4000 0027 6000 3184"


@pytest.fixture(params=[1280, 390], ids=["wide", "narrow"])
def width(request: pytest.FixtureRequest) -> int:
    return int(request.param)


def test_a_card_that_works(visit: Visit, shopper: Shopper) -> None:
    visit.go(shopper.checkout(), "checkout")
    visit.sees("$15.00 / month")
    visit.fill_in(GOOD)
    visit.picture("filled-in")
    visit.press("Subscribe")
    visit.is_back_at(DONE)
    assert shopper.subscribed()["plan_name"] == "Pro"


def test_a_decline_then_another_card(visit: Visit, shopper: Shopper) -> None:
    visit.go(shopper.checkout(), "checkout")
    visit.fill_in(DECLINED)
    visit.press("Subscribe")
    expect(visit.alert).to_have_text("Your card was declined.")
    visit.picture("declined")
    assert shopper.subscription() is None
    visit.fill_in(GOOD)
    visit.press("Subscribe")
    visit.is_back_at(DONE)
    shopper.subscribed()


def test_3d_secure_complete(visit: Visit, shopper: Shopper) -> None:
    visit.go(shopper.checkout(), "checkout")
    visit.fill_in(CAUTIOUS)
    visit.press("Subscribe")
    visit.sees("Confirm it is you")
    visit.picture("3d-secure")
    visit.press("Complete authentication")
    visit.is_back_at(DONE)
    shopper.subscribed()


def test_3d_secure_fail(visit: Visit, shopper: Shopper) -> None:
    visit.go(shopper.checkout(), "checkout")
    visit.fill_in(CAUTIOUS)
    visit.press("Subscribe")
    visit.press("Fail authentication")
    expect(visit.alert).to_contain_text("unable to authenticate")
    visit.picture("not-authenticated")
    shopper.hear()
    assert (shopper.subscription() or {"status": "incomplete"})["status"] == "incomplete"
    assert ("succeeded", 1500) not in shopper.payments()


def test_back_to_the_shop(visit: Visit, shopper: Shopper) -> None:
    address = shopper.checkout()
    visit.go(address, "checkout")
    visit.page.get_by_role("link", name="Back").click()
    visit.is_back_at(CART)
    shopper.hear()
    assert (shopper.subscription(), shopper.payments()) == (None, [])


def test_bank_debit(visit: Visit, shopper: Shopper) -> None:
    visit.go(shopper.checkout(), "checkout")
    visit.page.get_by_label("Bank debit").check()
    visit.picture("bank-debit")
    expect(visit.page.get_by_label("Card number")).to_be_hidden()
    visit.press("Subscribe")
    visit.is_back_at(DONE)
    shopper.hear()
    eventually(lambda: (shopper.subscription() or {}).get("status") == "active")
    assert ("succeeded", 1500) not in shopper.payments()


def test_a_trial(visit: Visit, shopper: Shopper) -> None:
    visit.go(shopper.checkout(trial=14), "trial")
    visit.sees("14 days free")
    visit.page.get_by_text("Test cards").click()
    visit.sees("asks for 3D Secure once")
    visit.picture("test-cards")


@pytest.mark.parametrize("scheme", ["dark"])
def test_in_the_dark(visit: Visit, shopper: Shopper) -> None:
    visit.go(shopper.checkout(), "checkout")
    visit.fill_in(DECLINED)
    visit.press("Subscribe")
    visit.picture("declined")
