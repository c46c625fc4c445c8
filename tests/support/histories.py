"""Histories of subscriptions, played at the sandbox: every event, and how Stripe stood then."""

from __future__ import annotations

import copy
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import requests

from payments.gateway.billing import Billing
from payments.gateway.client import client
from payments.gateway.errors import Rejected

DAY = 24 * 3600
_OF_PAYMENTS = ("get_payment", "list_refunds", "list_disputes", "find_invoice_of")
BEFORE_BASIL = "2025-02-24.acacia"
Plain = dict[str, Any]


@dataclass
class Snapshot:
    """The account's objects at one moment, in the shapes in which `Billing` returns them."""

    events: int  # how many had happened
    objects: dict[tuple[str, str], Any] = field(default_factory=dict)


@dataclass
class History:
    """What happened at an account, the oldest event first."""

    events: list[Plain]
    snapshots: list[Snapshot]

    def only(self, wanted: Callable[[Plain], Any]) -> History:
        """Return the history without the events that nobody listens to."""
        snapshots = [
            Snapshot(len([*filter(wanted, self.events[: held.events])]), held.objects)
            for held in self.snapshots
        ]
        return History([event for event in self.events if wanted(event)], snapshots)

    def after(self, events: int) -> list[Snapshot]:
        """Return the states that Stripe may show to somebody who knows that many events."""
        return [snapshot for snapshot in self.snapshots if snapshot.events >= events]


class Recorded:
    """Stands in for `Billing`: answers from a snapshot, and counts what it was asked."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot, self.asked = snapshot, 0

    def __getattr__(self, name: str) -> Callable[[str], Any]:
        def answer(object_id: str) -> Any:
            self.asked += 1
            try:
                return copy.deepcopy(self.snapshot.objects[name, object_id])
            except KeyError:
                raise Rejected("No such object", code="resource_missing") from None

        return answer


class Account:
    """A fresh account at the sandbox, worked on as its dashboard would."""

    def __init__(self, url: str, key: str | None = None, *, version: str | None = None) -> None:
        self.url, self.key = url, key or f"sk_test_{secrets.token_hex(12)}"
        self.billing = Billing(client(self.key, url))
        self.snapshots: list[Snapshot] = []
        self._http = requests.Session()
        self._http.trust_env = False  # it is looked up anew for each request
        if version:
            self.control("api_version", version=version)

    def call(self, method: str, path: str, **params: Any) -> Plain:
        where = {"params": params} if method == "GET" else {"data": params}
        answer = self._http.request(
            method, f"{self.url}/v1/{path}", auth=(self.key, ""), timeout=20, **where
        )
        assert answer.status_code in {200, 402}, answer.text
        return dict(answer.json())

    def post(self, path: str, **params: Any) -> Plain:
        made = self.call("POST", path, **params)
        self.snapshots.append(self.snapshot())
        return made

    def advance(self, seconds: int) -> None:
        """Let time pass for the whole account."""
        self.control("clock/advance", seconds=seconds)
        self.snapshots.append(self.snapshot())

    def control(self, path: str, **body: Any) -> None:
        """Use the sandbox's control plane."""
        answer = self._http.post(
            f"{self.url}/_sandbox/{path}", auth=(self.key, ""), json=body, timeout=60
        )
        answer.raise_for_status()

    def all(self, path: str, **params: Any) -> list[Plain]:
        """Return a whole list, the oldest first."""
        found: list[Plain] = []
        while True:
            more = {"starting_after": found[-1]["id"]} if found else {}
            page = self.call("GET", path, limit=100, **params, **more)
            found += page["data"]
            if not page["has_more"]:
                return found[::-1]

    def snapshot(self) -> Snapshot:
        events = len(self.all("events"))
        read, held = self.billing, {}
        for found in self.all("subscriptions", status="all"):
            held["get_subscription", found["id"]] = read.get_subscription(found["id"])
        for found in self.all("invoices"):
            held["get_invoice", found["id"]] = read.get_invoice(found["id"])
        for found in self.all("products"):
            held["get_product_name", found["id"]] = found["name"]
        for found in self.all("payment_intents"):
            for name in _OF_PAYMENTS:
                held[name, found["id"]] = getattr(read, name)(found["id"])
        return Snapshot(events, held)

    def played(self) -> History:
        return History(self.all("events"), [*self.snapshots, self.snapshot()])

    # What people do

    def customer(self, card: str = "pm_card_visa") -> str:
        made = self.call("POST", "customers", email="someone@example.com")["id"]
        self.pay_with(made, card)
        return str(made)

    def pay_with(self, customer: str, card: str) -> None:
        """Save a card and make it the one that is charged."""
        method = self.call("POST", f"payment_methods/{card}/attach", customer=customer)["id"]
        default = {"invoice_settings[default_payment_method]": method}
        self.call("POST", f"customers/{customer}", **default)

    def price(self, amount: int, *, name: str = "Pro", trial: int = 0, **more: Any) -> str:
        product = self.call("POST", "products", name=name)["id"]
        recurring: Plain = {"recurring[interval]": "month"}
        if trial:
            recurring["recurring[trial_period_days]"] = trial
        made = self.call(
            "POST",
            "prices",
            product=product,
            unit_amount=amount,
            currency="usd",
            **recurring,
            **more,
        )
        return str(made["id"])

    def subscribe(self, customer: str, price: str, user: str | None, **more: Any) -> str:
        named = {"metadata[user_id]": user} if user else {}
        made = self.post(
            "subscriptions",
            customer=customer,
            trial_from_plan="true",
            **{"items[0][price]": price},
            **named,
            **more,
        )
        return str(made["id"])

    def change_price(self, subscription: str, price: str) -> None:
        item = self.call("GET", f"subscriptions/{subscription}")["items"]["data"][0]["id"]
        self.post(
            f"subscriptions/{subscription}",
            proration_behavior="always_invoice",
            **{"items[0][id]": item, "items[0][price]": price},
        )

    def change_plan(self, subscription: str, price: str, other: str) -> None:
        """Swap one price of several, as our own change of plan does."""
        items = self.call("GET", f"subscriptions/{subscription}")["items"]["data"]
        (item,) = [each["id"] for each in items if each["price"]["id"] == price]
        self.post(
            f"subscriptions/{subscription}",
            **{"items[0][id]": item, "items[0][price]": other, "metadata[plan_price_id]": other},
        )

    def latest_invoice(self, subscription: str) -> str:
        return str(self.call("GET", f"subscriptions/{subscription}")["latest_invoice"])

    def payments(self, status: str = "succeeded") -> list[str]:
        return [p["id"] for p in self.all("payment_intents") if p["status"] == status]

    def refund(self, intent: str, amount: int) -> None:
        self.post("refunds", payment_intent=intent, amount=amount)


def a_year(account: Account, user: str | None) -> None:
    """Trial, renewals, a failed one, recovery, upgrade, refunds, the end."""
    customer = account.customer()
    basic, big = account.price(1000, trial=7), account.price(3000, nickname="Big")
    subscription = account.subscribe(customer, basic, user)
    account.advance(8 * DAY)
    account.advance(31 * DAY)
    account.pay_with(customer, "pm_card_chargeCustomerFail")
    account.advance(31 * DAY)
    account.pay_with(customer, "pm_card_visa")
    account.post(f"invoices/{account.latest_invoice(subscription)}/pay")
    account.change_price(subscription, big)
    first, *_, last = account.payments()
    account.refund(last, 300)
    account.refund(last, 200)
    account.refund(first, 1000)
    account.post(f"subscriptions/{subscription}", cancel_at_period_end="true")
    account.advance(40 * DAY)


def in_one_second(account: Account, user: str | None) -> None:
    """Everything at once: started, changed twice, refunded and ended before a second is over."""
    customer = account.customer()
    basic, big = account.price(1000), account.price(3000, name="Big")
    subscription = account.subscribe(customer, basic, user)
    account.change_price(subscription, big)
    account.post(f"subscriptions/{subscription}", cancel_at_period_end="true")
    account.post(f"subscriptions/{subscription}", cancel_at_period_end="false")
    account.refund(account.payments()[0], 400)
    account.call("DELETE", f"subscriptions/{subscription}")


def never_paid(account: Account, user: str | None) -> None:
    """The first payment fails and nobody comes back; then the same customer tries again."""
    customer = account.customer("pm_card_chargeCustomerFail")
    basic = account.price(1000)
    account.subscribe(customer, basic, user)
    account.advance(2 * DAY)
    account.pay_with(customer, "pm_card_visa")
    account.subscribe(customer, basic, user, **{"items[0][quantity]": "3"})
    account.advance(3 * DAY)


def lost_in_dunning(account: Account, user: str | None) -> None:
    """A renewal fails until Stripe gives up; an earlier refund fails afterwards."""
    customer = account.customer("pm_card_refundFail")
    subscription = account.subscribe(customer, account.price(1500), user)
    account.refund(account.payments()[0], 1500)
    account.advance(DAY)
    account.pay_with(customer, "pm_card_chargeCustomerFail")
    account.advance(31 * DAY)
    account.advance(40 * DAY)
    account.post(f"invoices/{account.latest_invoice(subscription)}/void")


def changed_at_once(account: Account, user: str | None) -> None:
    """Several changes in one second, none of them the end: only Stripe knows which was last."""
    customer = account.customer()
    basic, big = account.price(1000), account.price(3000, nickname="Big")
    subscription = account.subscribe(customer, basic, user)
    account.advance(31 * DAY)
    account.change_price(subscription, big)
    account.post(f"subscriptions/{subscription}", cancel_at_period_end="true")
    account.change_price(subscription, basic)
    account.post(f"subscriptions/{subscription}", cancel_at_period_end="false")
    account.change_price(subscription, big)


def disputed(account: Account, user: str | None) -> None:
    """The first payment is disputed and partly refunded, the next is not; it goes on."""
    customer = account.customer("pm_card_createDispute")
    account.subscribe(customer, account.price(1500), user)
    account.advance(DAY)
    account.pay_with(customer, "pm_card_visa")
    account.advance(31 * DAY)
    account.refund(account.payments()[-1], 700)


def with_add_ons(account: Account, user: str | None) -> None:
    """Add-ons come, change and go beside a plan that is changed, whose product is deleted."""
    customer = account.customer()
    basic, big = account.price(1000), account.price(3000, name="Big")
    support, seats = account.price(500, name="Support"), account.price(200, nickname="Seats")
    sold = {"metadata[plan_price_id]": basic, "items[1][price]": support}
    subscription = account.subscribe(customer, basic, user, **sold)
    account.advance(DAY)
    more = {"subscription": subscription, "price": seats, "quantity": "0"}
    item = account.post("subscription_items", **more)["id"]
    account.post(f"subscription_items/{item}", quantity=4)
    account.advance(31 * DAY)
    account.change_plan(subscription, basic, big)
    account.call("DELETE", f"subscription_items/{item}")
    account.advance(DAY)
    account.post(f"subscriptions/{subscription}", cancel_at_period_end="true")
    account.advance(40 * DAY)


def metered_and_paused(account: Account, user: str | None) -> None:
    """Usage beside a plan; a trial that ends without a card, then a card and a new beginning."""
    customer = account.customer()
    meter = account.post(
        "billing/meters",
        display_name="Calls",
        event_name="call",
        **{"default_aggregation[formula]": "sum"},
    )["id"]
    of_meter = {"recurring[usage_type]": "metered", "recurring[meter]": meter}
    usage = account.price(2, name="Usage", **of_meter)
    account.subscribe(customer, account.price(1000), user, **{"items[1][price]": usage})
    poor = str(account.call("POST", "customers", email="poor@example.com")["id"])
    unpaid = {"trial_settings[end_behavior][missing_payment_method]": "pause"}
    tried = account.subscribe(poor, account.price(700, trial=7), user, **unpaid)
    account.advance(8 * DAY)
    account.pay_with(poor, "pm_card_visa")
    account.post(f"subscriptions/{tried}/resume")
    account.advance(31 * DAY)


def on_a_schedule(account: Account, user: str | None) -> None:
    """A schedule moves a subscription to a dearer price, is released, and the end comes."""
    customer = account.customer()
    basic, big = account.price(1000), account.price(3000, name="Big")
    subscription = account.subscribe(customer, basic, user)
    schedule = account.post("subscription_schedules", from_subscription=subscription)
    (phase,) = schedule["phases"]
    planned = {
        "phases[0][items][0][price]": basic,
        "phases[0][start_date]": phase["start_date"],
        "phases[0][end_date]": phase["end_date"],
        "phases[1][items][0][price]": big,
    }
    account.post(f"subscription_schedules/{schedule['id']}", **planned)
    account.advance(40 * DAY)
    account.post(f"subscription_schedules/{schedule['id']}/release")
    account.post(f"subscriptions/{subscription}", cancel_at_period_end="true")
    account.advance(31 * DAY)


TOLD = (
    a_year,
    disputed,
    in_one_second,
    changed_at_once,
    never_paid,
    lost_in_dunning,
    with_add_ons,
    metered_and_paused,
    on_a_schedule,
)
