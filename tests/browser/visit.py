"""What a customer sees and clicks, and what our API tells him afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Locator, Page, expect

from tests.support.developers import STRIPE, ProjectSeat
from tests.support.ledger_rows import new_price
from tests.support.shop import eventually

DONE, CART, ACCOUNT = "/done", "/cart", "/account"

# Wider than the window: what a page must never be.
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


class Visit:
    """One page in the browser; every step leaves a picture in the test's folder."""

    def __init__(self, page: Page, folder: Path) -> None:
        self.page, self._folder = page, folder
        self._numbers = count(1)

    def picture(self, name: str) -> None:
        """Keep the whole page as it is now; nothing on it is wider than the window."""
        path = self._folder / f"{next(self._numbers):02}-{name}.png"
        self.page.screenshot(path=path, full_page=True)
        assert self.page.evaluate(OVERFLOW) <= 0, path

    def go(self, address: str, name: str) -> None:
        answer = self.page.goto(address)
        assert answer is not None
        assert answer.ok, answer.status
        self.picture(name)

    def press(self, name: str) -> None:
        """Press a button; returns once the page that follows is there."""
        with self.page.expect_navigation():
            self.page.get_by_role("button", name=name, exact=True).click()

    def fill_in(self, number: str) -> None:
        """Fill in a card."""
        card = {"Card number": number, "Expiry": "12 / 34", "CVC": "123", "Name on card": "Emil"}
        for label, value in card.items():
            self.page.get_by_label(label).fill(value)

    def sees(self, text: str) -> None:
        expect(self.page.get_by_text(text).first).to_be_visible()

    @property
    def alert(self) -> Locator:
        """What the page says is wrong."""
        return self.page.get_by_role("alert")

    def is_back_at(self, path: str) -> None:
        """Wait for a page of the shop."""
        self.page.wait_for_url(lambda address: urlsplit(address).path == path)
        expect(self.page.get_by_role("heading", name="The shop")).to_be_visible()


@dataclass(frozen=True)
class Shopper:
    """The end user at our API, and his project's account at Stripe."""

    seat: ProjectSeat
    shop_url: str

    def checkout(self, *, amount: int = 1500, trial: int | None = None) -> str:
        """Ask our API for a Checkout page."""
        price = new_price(self.seat.shop, name="Pro", amount=amount, trial=trial)
        body = {"price_id": price, "success_url": self.shop_url + DONE}
        body["cancel_url"] = self.shop_url + CART
        return str(self._post("checkout-session", body)["checkout_url"])

    def portal(self) -> str:
        return str(
            self._post("customer-portal", {"return_url": self.shop_url + ACCOUNT})["portal_url"]
        )

    def _post(self, path: str, body: dict[str, str]) -> dict[str, Any]:
        answer = self.seat.end_user.post(f"{STRIPE}/{path}", body)
        assert answer.status_code == 200, answer.text
        return dict(answer.json)

    @property
    def customer(self) -> str:
        """His id at Stripe: the account knows nobody else."""
        (held,) = self.seat.shop.stripe("GET", "/v1/customers")["data"]
        return str(held["id"])

    def subscription(self) -> Any:
        return self.seat.end_user.get(f"{STRIPE}/my-subscription").json

    def payments(self) -> list[tuple[str, int]]:
        rows = self.seat.end_user.get(f"{STRIPE}/my-payments").json["payments"]
        return [(row["status"], row["amount_cents"]) for row in rows]

    def wait(self, *, days: int) -> None:
        """Let Stripe's time pass, and hear what happened."""
        self.seat.shop.control("POST", "clock/advance", {"seconds": days * 86400})
        self.hear()

    def hear(self) -> None:
        """Let the account deliver whatever it has not delivered yet."""
        assert self.seat.shop.control("POST", "webhooks/flush")["failed"] == 0

    def subscribed(self) -> dict[str, Any]:
        """Wait until our API tells of a paid, active subscription."""
        self.hear()
        eventually(lambda: (self.subscription() or {}).get("status") == "active")
        eventually(lambda: self.payments() == [("succeeded", 1500)])
        return dict(self.subscription())

    def bought(self, visit: Visit) -> dict[str, Any]:
        """Subscribe in the browser, without pictures."""
        visit.page.goto(self.checkout())
        visit.fill_in("4242 4242 4242 4242")
        visit.press("Subscribe")
        visit.is_back_at(DONE)
        return self.subscribed()
