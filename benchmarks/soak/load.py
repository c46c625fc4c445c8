"""Customers who upgrade, refund and download without a pause, and never give up on a request."""

from __future__ import annotations

import random
import secrets
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.support.people import Person, Place, sign_up
from tests.support.processes import HttpClient
from tests.support.shop import Shop

CARDS = ("pm_card_visa",) * 6 + ("pm_card_mastercard", "pm_card_chargeCustomerFail")
# Plans as they are climbed; each step charges at once.
STEPS = ("starter", "pro", "ultimate")
_PATIENCE = 120  # seconds until a request that nobody answers counts as failed


@dataclass
class Tally:
    """What the customers did and were told, by the outcome."""

    outcomes: Counter[str] = field(default_factory=Counter)
    unexpected: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, what: str, status: int, *, fine: set[int], text: str = "") -> None:
        with self._lock:
            self.outcomes[f"{what} {status}"] += 1
            if status not in fine:
                self.unexpected.append(f"{what}: {status} {text[:300]}")


class StubbornClient(HttpClient):
    """Sends a request again while its server is away; a POST carries an Idempotency-Key for it."""

    def open(self, path: str, **options: Any) -> Any:
        headers = dict(options.pop("headers", None) or {})
        if options.get("method") == "POST":
            headers.setdefault("Idempotency-Key", secrets.token_hex(12))
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                answer = super().open(path, headers=headers, **options)
            except requests.RequestException:
                answer = None
            # 409: the same request still runs in a process, perhaps in one that has died.
            again = answer is None or answer.status_code >= 500 or _runs_still(answer)
            if not again or time.monotonic() > deadline:
                if answer is None:
                    raise TimeoutError(f"nobody answered {path}")
                return answer
            time.sleep(0.3)


def _runs_still(answer: Any) -> bool:
    return answer.status_code == 409 and "idempotency_key_in_use" in answer.text


@dataclass
class Customers:
    """Threads of customers, each with one workspace after the other."""

    shop: Shop
    admin: Person
    tally: Tally
    over: threading.Event = field(default_factory=threading.Event)
    threads: list[threading.Thread] = field(default_factory=list)

    def start(self, number: int) -> None:
        for _ in range(number):
            thread = threading.Thread(target=self._live, daemon=True)
            thread.start()
            self.threads.append(thread)

    def stop(self) -> None:
        """Let everybody finish what he is doing."""
        self.over.set()
        for thread in self.threads:
            thread.join(_PATIENCE * 2)

    def _live(self) -> None:
        while not self.over.is_set():
            try:
                self._customer()
            except (AssertionError, TimeoutError, KeyError, requests.RequestException) as error:
                self.tally.note("life", 0, fine=set(), text=f"{type(error).__name__}: {error}")

    def _customer(self) -> None:
        person = sign_up(self.shop.client)  # type: ignore[arg-type]
        place = person.home
        self.shop.save_card(person, place.slug, random.choice(CARDS))
        for plan in STEPS[: random.randint(1, 3)]:
            self._upgrade(person, place, plan)
        if random.random() < 0.3:
            self._downgrade(person, place)
        for invoice in self.shop.invoices(person, place.slug):
            self._visit(person, place, invoice)

    def _upgrade(self, person: Person, place: Place, plan: str) -> None:
        headers = {"Prefer": "respond-async"} if random.random() < 0.3 else {}
        answer = self.shop.upgrade(person, place.slug, plan, headers=headers)
        # 409: the former charge is still on its way; 400: a declined step left the plan below.
        self.tally.note(
            "upgrade", answer.status_code, fine={200, 202, 400, 402, 409}, text=answer.text
        )

    def _downgrade(self, person: Person, place: Place) -> None:
        path = f"{place.plan_changes}/downgrade-plan"
        answer = person.post(path, {"planSlug": "free"})
        self.tally.note("downgrade", answer.status_code, fine={200, 400, 409}, text=answer.text)

    def _visit(self, person: Person, place: Place, invoice: dict[str, Any]) -> None:
        path = f"{place.payments}/invoices/{invoice['id']}/download"
        answer = person.get(path)
        ok = answer.status_code != 200 or answer.data.startswith(b"%PDF-")
        status = answer.status_code if ok else -1
        self.tally.note("download", status, fine={200}, text=answer.text[:100])
        if invoice["status"] == "paid" and invoice["amount"] and random.random() < 0.5:
            self._refund(invoice)

    def _refund(self, invoice: dict[str, Any]) -> None:
        body = {} if random.random() < 0.5 else {"amount": 1 + random.randrange(3)}
        path = f"/api/admin/invoices/{invoice['id']}/refund"
        answer = self.admin.post(path, body)
        self.tally.note("refund", answer.status_code, fine={200, 202, 400}, text=answer.text)


@dataclass
class Subscribers:
    """A project's Stripe account in which subscriptions live, change and end: only events tell."""

    shop: Shop
    tally: Tally
    over: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None

    def start(self) -> None:
        self.thread = threading.Thread(target=self._live, daemon=True)
        self.thread.start()

    def stop(self) -> None:
        self.over.set()
        if self.thread is not None:
            self.thread.join(_PATIENCE)

    def _live(self) -> None:
        prices = [self._price(amount) for amount in (900, 2500)]
        while not self.over.wait(1):
            self._subscription(prices)

    def _price(self, amount: int) -> str:
        made = self.shop.stripe(
            "POST", "/v1/prices",
            **{
                "currency": "usd", "unit_amount": amount,
                "recurring[interval]": "month", "product_data[name]": f"Plan {amount}",
            },
        )  # fmt: skip
        return str(made["id"])

    def _subscription(self, prices: list[str]) -> None:
        stripe = self.shop.stripe
        customer = stripe("POST", "/v1/customers", email="soak@example.com")["id"]
        card = stripe("POST", "/v1/payment_methods/pm_card_visa/attach", customer=customer)["id"]
        stripe(
            "POST", f"/v1/customers/{customer}",
            **{"invoice_settings[default_payment_method]": card},
        )  # fmt: skip
        made = stripe(
            "POST", "/v1/subscriptions", customer=customer, **{"items[0][price]": prices[0]}
        )
        item, path = made["items"]["data"][0]["id"], f"/v1/subscriptions/{made['id']}"
        for _ in range(random.randint(0, 3)):
            price = random.choice(prices)
            stripe("POST", path, **{"items[0][id]": item, "items[0][price]": price})
        if random.random() < 0.4:
            stripe("DELETE", path)
        self.tally.note("subscription", 200, fine={200})
