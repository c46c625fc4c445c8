"""A subscriber's year at a developer's project, and at its end both ledgers side by side.

`docs/story.md` tells the same story.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from flask import Flask
from werkzeug.serving import make_server

from payments.config import Settings
from payments.kit import clock
from payments.projects.sync.topics import TYPES
from payments.sandbox.visitor import Visitor
from tests.support.apps import another_app
from tests.support.developers import (
    AUTH,
    STRIPE,
    Developer,
    EndUser,
    ProjectSeat,
    developer_with_project,
    new_api_key,
    new_project,
    register_developer,
    register_end_user,
    sandbox_key,
    store_keys,
)
from tests.support.ledger_rows import new_price
from tests.support.processes import HttpClient, free_port
from tests.support.replay import project_held, project_told
from tests.support.shop import Shop, eventually

GOOD, FAILS_LATER = "4242424242424242", "4000000000000341"
HERE = "https://shop.example/"
PAYMENTS = "/api/v1/payments"

# What my-payments says of a payment: status, amount, what was given back.
Line = tuple[str, int, int]
# Active subscriptions, payments, successful ones, revenue in cents.
Figures = tuple[int, int, int, int]
STORY = Path(__file__).parents[2] / "docs" / "story.md"


@pytest.fixture
def web(app: Flask, worker: None, settings: Settings) -> Iterator[HttpClient]:
    """The service at an address where the sandbox can deliver."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with another_app(settings, public_url=address) as served:
        server = make_server("127.0.0.1", port, served, threaded=True)
        thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield HttpClient(address)
        server.shutdown()
        thread.join(10)
        server.server_close()


class Year:
    """A project, its Stripe account and its clock, and what every list is expected to say."""

    def __init__(self, seat: ProjectSeat, stranger: ProjectSeat) -> None:
        self.seat, self.stranger = seat, stranger
        self.developer, self.user, self.shop = seat.developer, seat.end_user, seat.shop
        self.neighbour = seat.another_end_user()
        self.number = clock.now().year + 1
        self.status: str | None = None
        self.plan = "Basic"
        self.lines: list[Line] = []
        self.figures: list[Figures] = []

    # Time, and what it brings

    def until(self, month: int, day: int, hour: int = 0) -> None:
        """Let Stripe's time pass, then hear what happened."""
        moment = int(datetime(self.number, month, day, hour, tzinfo=UTC).timestamp())
        self.shop.control("POST", "clock", {"now": moment})
        self.hear()

    def hear(self) -> None:
        """Let the account deliver everything, and wait until all of it has been worked in."""
        assert self.shop.control("POST", "webhooks/flush")["failed"] == 0
        told = sorted(event["id"] for event in self._told())
        eventually(lambda: sorted(self._processed()) == told)

    def _told(self) -> list[dict[str, Any]]:
        return [event for event in self._listed("events") if event["type"] in TYPES]

    def _processed(self) -> list[str]:
        found: list[str] = []
        page = 1
        while True:
            query = {"state": "processed", "page": page, "page_size": 100}
            listed = self.developer.get(f"{self.seat.path}/events", query_string=query).json
            found += [event["event_id"] for event in listed["events"]]
            if len(found) >= listed["total"]:
                return found
            page += 1

    def _listed(self, what: str, **params: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            after = {"starting_after": found[-1]["id"]} if found else {}
            page = self.shop.stripe("GET", f"/v1/{what}", limit=100, **params, **after)
            found += page["data"]
            if not page["has_more"]:
                return found

    # What the end user does

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        answer = self.user.post(f"{STRIPE}/{path}", body)
        assert answer.status_code == 200, answer.text
        return dict(answer.json)

    def change_card(self, number: str) -> None:
        portal = self.post("customer-portal", return_url=HERE)["portal_url"]
        assert Visitor().change_card(portal, number).problem is None

    def mine(self) -> Any:
        return self.user.get(f"{STRIPE}/my-subscription").json

    # What every list says

    def check(self) -> None:
        """Compare every list and every figure with what has happened so far."""
        self._check_subscription()
        self._check_payments()
        self._check_figures()
        self._check_events()
        self._check_strangers()

    def _check_subscription(self) -> None:
        over = self.status in {None, "canceled"}
        expected = [] if self.status is None else [(self.status, self.plan, self.user.user_id)]
        rows = self._ours("subscriptions", "subscriptions", "subscriptions")
        assert [(s["status"], s["plan_name"], s["user_id"]) for s in rows] == expected
        assert self.mine() == (None if over else rows[0])
        for status in {self.status or "active", "unpaid"}:
            listed = self._across("subscriptions", status=status)
            assert listed["total"] == (1 if status == self.status else 0)

    def _check_payments(self) -> None:
        rows = self._ours("payments", "transactions", "payments")
        assert [line_of(row) for row in rows] == self.lines[::-1]
        assert self.user.get(f"{STRIPE}/my-payments").json["payments"] == rows
        ours = {row["id"] for row in self._across("subscriptions")["subscriptions"]}
        assert {row["subscription_id"] for row in rows} <= ours
        for status in ("succeeded", "failed", "refunded", "partially_refunded"):
            listed = self._across("transactions", status=status)
            assert [line_of(row) for row in listed["payments"]] == [
                line for line in self.lines[::-1] if line[0] == status
            ]

    def _ours(self, own: str, across: str, items: str) -> list[dict[str, Any]]:
        """Return the project's list, after comparing it with the one across projects."""
        listed = self.developer.get(f"{self.seat.path}/{own}").json
        everywhere = self._across(across)
        names = {"project_name": "Shop", "provider": "stripe"}
        assert everywhere[items] == [{**row, **names} for row in listed[items]]
        assert listed["total"] == everywhere["total"] == len(listed[items])
        assert {row["is_test_mode"] for row in listed[items]} <= {True}
        live = {"test_mode": "false"}
        assert self.developer.get(f"{self.seat.path}/{own}", query_string=live).json["total"] == 0
        assert self._across(across, **live)["total"] == 0
        return list(listed[items])

    def _across(self, what: str, **query: str) -> dict[str, Any]:
        return dict(self.developer.get(f"{PAYMENTS}/{what}", query_string=query).json)

    def _check_figures(self) -> None:
        """Successful is what no part was given back of; revenue is what is left of all."""
        whole = [amount for status, amount, _ in self.lines if status == "succeeded"]
        kept = ("succeeded", "partially_refunded")
        revenue = sum(amount - back for status, amount, back in self.lines if status in kept)
        expected = {
            "total_subscriptions": int(self.status is not None),
            "active_subscriptions": int(self.status in {"active", "trialing"}),
            "total_payments": len(self.lines),
            "successful_payments": len(whole),
            "total_revenue_cents": revenue,
        }
        places = {"total_projects": 1, "projects_with_config": 1, "projects_with_test": 1}
        rest = {**places, "projects_with_live": 0, "currency": "usd"}
        by_currency = {"usd": revenue} if revenue else {}
        assert self._across("stats") == {**expected, **rest, "revenue_by_currency": by_currency}
        self.figures.append(tuple(expected.values())[1:])
        none = {**dict.fromkeys(expected, 0), **rest, "revenue_by_currency": {}}
        assert self._across("stats", test_mode="false") == none

    def _check_events(self) -> None:
        """Everything the account has said lies there, done."""
        told = self._told()
        assert self._across_events()["total"] == len(told)
        for kind in {event["type"] for event in told}:
            named = [event for event in told if event["type"] == kind]
            assert self._across_events(type=kind)["total"] == len(named)
        for state in ("received", "failed", "dead"):
            assert self._across_events(state=state)["total"] == 0

    def _across_events(self, **query: str) -> dict[str, Any]:
        return dict(self.developer.get(f"{self.seat.path}/events", query_string=query).json)

    def _check_strangers(self) -> None:
        """Neither the project's other end user nor another developer sees any of it."""
        assert self.neighbour.get(f"{STRIPE}/my-subscription").json is None
        assert self.neighbour.get(f"{STRIPE}/my-payments").json["total"] == 0
        other = self.stranger.developer
        assert other.get(f"{PAYMENTS}/transactions").json["total"] == 0
        assert other.get(f"{PAYMENTS}/stats").json["total_subscriptions"] == 0
        assert other.get(f"{self.seat.path}/payments").status_code == 403

    # Both ledgers

    def theirs(self) -> dict[str, tuple[int, int]]:
        """Return what Stripe holds: taken and given back by PaymentIntent."""
        return {
            charge["payment_intent"]: (charge["amount_captured"], charge["amount_refunded"])
            for charge in self._listed("charges")
            if charge["status"] == "succeeded"
        }

    def ours(self) -> dict[str, tuple[int, int]]:
        rows = self.developer.get(f"{self.seat.path}/payments").json["payments"]
        return {
            row["payment_intent_id"]: (row["amount_cents"], row["refunded_amount_cents"])
            for row in rows
        }


def line_of(row: dict[str, Any]) -> Line:
    return row["status"], row["amount_cents"], row["refunded_amount_cents"]


def open_shop(web: HttpClient, settings: Settings) -> ProjectSeat:
    """Sign a developer up, connect his Stripe account, and let an end user register."""
    developer = register_developer(web, settings)
    assert developer.get(f"{AUTH}/me").json["role"] == "developer"
    project = new_project(developer)
    key = sandbox_key()
    assert validated(developer, project, key) is True
    assert validated(developer, project, "sk_test_x") is False
    config = store_keys(developer, project, test_secret_key=key)
    assert config["test_secret_key_masked"] == f"sk_test_...{key[-4:]}"

    shop = Shop(web, dataclasses.replace(settings, stripe_secret_key=key))
    secret = register_webhook(developer, project, shop)
    assert store_keys(developer, project, test_webhook_secret=secret)["has_test_credentials"]
    listed = developer.get(f"{PAYMENTS}/projects").json
    (described,) = listed["projects"]
    assert (listed["total"], described["has_test_credentials"]) == (1, True)
    assert (described["has_payment_config"], described["has_live_credentials"]) == (True, False)

    api_key = new_api_key(developer, project)
    user = register_end_user(web, project, api_key)
    seat = ProjectSeat(project, api_key, key, secret, developer, settings, signed_up=[user])
    assert_known(user)
    return seat


def validated(developer: Developer, project: str, key: str) -> bool:
    path = f"{STRIPE}/projects/{project}/validate-credentials"
    answer = developer.post(path, {"secret_key": key, "is_test_mode": True})
    assert answer.status_code == 200, answer.text
    return bool(answer.json["valid"])


def register_webhook(developer: Developer, project: str, shop: Shop) -> str:
    """Do what a developer does in Stripe's dashboard; return the signing secret it shows."""
    urls = developer.get(f"{STRIPE}/projects/{project}/webhook-urls").json
    types = {f"enabled_events[{place}]": kind for place, kind in enumerate(TYPES)}
    made = shop.stripe("POST", "/v1/webhook_endpoints", url=urls["test_webhook_url"], **types)
    return str(made["secret"])


def assert_known(user: EndUser) -> None:
    me = user.get(f"{AUTH}/me").json
    assert (me["role"], me["project_id"], me["id"]) == ("end_user", user.project_id, user.user_id)


def printed_figures() -> list[Figures]:
    """Return the last column of the page's table: `1, 3, 2, 40.00`."""
    found = re.findall(r"\| (\d+), (\d+), (\d+), (\d+)\.(\d\d) \|$", STORY.read_text("utf-8"), re.M)
    return [(int(a), int(b), int(c), int(units + cents)) for a, b, c, units, cents in found]


@pytest.fixture
def year(web: HttpClient, settings: Settings) -> Year:
    """The first of January; a stranger with a shop of his own is there from the start."""
    stranger = developer_with_project(web, settings, name="Elsewhere")
    return Year(open_shop(web, settings), stranger)


def test_a_year(app: Flask, year: Year) -> None:  # noqa: PLR0915 - a year has many days
    """Trial, renewals, a failed one, recovery, upgrade, refunds, the end of the subscription."""
    shop = year.shop
    basic = new_price(shop, name="Basic", amount=2000, trial=14)
    pro = new_price(shop, name="Pro", amount=5000)
    year.until(1, 1)
    year.check()

    # 1 January: two weeks for nothing. A second subscription is refused.
    wish = {"price_id": basic, "success_url": HERE, "cancel_url": HERE}
    page = year.post("checkout-session", **wish)["checkout_url"]
    assert Visitor().check_out(page, GOOD).location == HERE
    year.hear()
    year.status = "trialing"
    year.check()
    assert year.user.post(f"{STRIPE}/checkout-session", wish).status_code == 400
    assert year.mine()["current_period_end"].startswith(f"{year.number}-01-15T00:0")

    # 15 January: the trial is over, an hour later the first month is paid; February renews.
    year.until(1, 15, 2)
    year.status = "active"
    year.lines.append(("succeeded", 2000, 0))
    year.check()
    year.until(2, 15, 2)
    year.lines.append(("succeeded", 2000, 0))
    year.check()

    # March: the card that replaced the first one cannot be charged.
    year.until(3, 1)
    year.change_card(FAILS_LATER)
    year.until(3, 15, 2)
    year.status = "past_due"
    year.lines.append(("failed", 2000, 0))
    year.check()

    # 18 March: another card, and Stripe's next try succeeds: the same payment, now paid.
    year.change_card(GOOD)
    year.until(3, 18, 3)
    year.status = "active"
    year.lines[-1] = ("succeeded", 2000, 0)
    year.check()

    # 25 March: 21 of 31 days are left, so 1354.84 come back and 3387.10 are due, at once.
    year.until(3, 25)
    changed = year.post(
        "update-subscription", new_price_id=pro, proration_behavior="always_invoice"
    )
    assert (changed["status"], changed["price_id"]) == ("active", pro)
    year.plan = "Pro"
    assert year.mine()["plan_name"] == "Pro"
    year.hear()
    year.lines.append(("succeeded", 3387 - 1355, 0))
    year.check()

    # April and May at the new price. The dashboard gives some of April back, in two parts.
    for month in (4, 5):
        year.until(month, 15, 2)
        year.lines.append(("succeeded", 5000, 0))
        year.check()
    april = year.developer.get(f"{year.seat.path}/payments").json["payments"][1]
    for amount in (1000, 500):
        shop.stripe("POST", "/v1/refunds", payment_intent=april["payment_intent_id"], amount=amount)
    year.hear()
    year.lines[4] = ("partially_refunded", 5000, 1500)
    year.check()

    # And all of the very first month.
    first = year.developer.get(f"{year.seat.path}/payments").json["payments"][-1]
    shop.stripe("POST", "/v1/refunds", payment_intent=first["payment_intent_id"])
    year.hear()
    year.lines[0] = ("refunded", 2000, 2000)
    year.check()

    # June to October at once: five renewals.
    year.until(10, 15, 2)
    year.lines += [("succeeded", 5000, 0)] * 5
    year.check()

    # 20 October: it shall end with the month that is paid. It is active until then.
    year.until(10, 20)
    ending = year.post("cancel-subscription", cancel_immediately=False)
    assert ending["cancel_at"].startswith(f"{year.number}-11-15T00:0")
    assert year.mine()["cancel_at"] == ending["cancel_at"]
    year.hear()
    year.check()
    assert year.mine()["cancel_at"] == ending["cancel_at"]

    # 15 November: over; nothing is charged any more, and who wants it back checks out again.
    year.until(11, 15, 2)
    year.status = "canceled"
    year.check()
    assert year.user.post(f"{STRIPE}/cancel-subscription", {}).status_code == 404
    year.until(12, 31, 23)
    year.check()
    assert "checkout_url" in year.post("checkout-session", **wish)

    assert year.theirs() == year.ours()
    taken, returned = (sum(parts) for parts in zip(*year.ours().values(), strict=True))
    assert (taken, returned) == (3 * 2000 + 2032 + 7 * 5000, 2000 + 1500)
    # Whoever has nothing but the timeline comes to the same rows.
    told = project_told(app, year.seat.project_id)
    assert sorted(told["subscription"].values()) == ["canceled"]
    assert told == project_held(app, year.seat.project_id)

    printed = printed_figures()
    assert len(printed) > 10
    assert year.figures[-1] == printed[-1]
    assert sorted(printed, key=year.figures.index) == printed
