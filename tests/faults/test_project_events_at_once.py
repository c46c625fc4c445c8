"""A project's signed event a hundred times at once, over two web processes and a real worker."""

from __future__ import annotations

import json
import random
from collections import Counter
from functools import partial
from typing import Any

import pytest

from payments.projects.models import Payment, Subscription
from payments.projects.reconcile.totals import read_counters
from payments.projects.sync.account import Account
from payments.projects.sync.contribution import NO_REVENUE
from payments.projects.sync.topics import TYPES
from payments.sandbox.visitor import Visitor
from payments.timeline.models import TimelineEntry
from payments.webhooks.models import FAILED, PROCESSED, WebhookEvent
from tests.support.deliveries import account_of
from tests.support.developers import STRIPE, ProjectSeat, developer_with_project
from tests.support.ledger_rows import new_price
from tests.support.processes import HttpClient
from tests.support.shop import eventually
from tests.support.site import Site, at_once

BACK = "https://shop.example/"
TIMES = 100


@pytest.fixture
def seat(site: Site, web: HttpClient) -> ProjectSeat:
    """A project at the real web server."""
    return developer_with_project(web, site.settings)


class Told:
    """An end user has paid 20.00 at Checkout; the account's events have not been heard of yet."""

    def __init__(self, site: Site, seat: ProjectSeat, mode: str) -> None:
        self.site, self.seat = site, seat
        interval = "month" if mode == "subscription" else None
        price = new_price(seat.shop, amount=2000, interval=interval)
        body = {"price_id": price, "success_url": BACK, "cancel_url": BACK, "mode": mode}
        answer = seat.end_user.post(f"{STRIPE}/checkout-session", body)
        assert answer.status_code == 200, answer.text
        assert Visitor().check_out(answer.json["checkout_url"]).location == BACK

    def events(self) -> list[dict[str, Any]]:
        found = account_of(self.seat).all("events")
        return [event for event in found if event["type"] in TYPES]

    def event(self, kind: str) -> dict[str, Any]:
        (found,) = [event for event in self.events() if event["type"] == kind]
        return found

    def deliver(self, events: list[dict[str, Any]]) -> None:
        """Deliver all of these at once, every one signed by itself; all must be taken."""
        answers = at_once([partial(self.post, json.dumps(event)) for event in events])
        assert Counter(answer.status_code for answer in answers) == {200: len(events)}
        assert all(answer.json == {"received": True} for answer in answers)
        wanted = sorted({event["id"] for event in events})
        eventually(lambda: self.done() == wanted)

    def done(self) -> list[str]:
        """Return the ids of the events that are worked in; what has to wait is swept up."""
        rows = self.stored()
        if any(row.state == FAILED for row in rows):
            self.site.sweep()
        return [row.event_id for row in rows if row.state == PROCESSED]

    def post(self, payload: str) -> Any:
        headers = {"Stripe-Signature": self.seat.shop.signature(payload)}
        path = self.seat.webhook_path()
        return self.seat.developer.client.post(path, data=payload, headers=headers)

    def stored(self) -> list[WebhookEvent]:
        rows = self.rows(WebhookEvent, WebhookEvent.owner == self.seat.project_id)
        return sorted(rows, key=lambda row: row.event_id)

    def rows(self, model: Any, *where: Any) -> list[Any]:
        mine = where or (model.project_id == self.seat.project_id,)
        return self.site.rows(model, *mine)

    def noted(self) -> Counter[str]:
        """Count what the timeline says became of the money."""
        return Counter(
            entry.kind
            for entry in self.rows(TimelineEntry)
            if entry.kind.startswith(("payment.", "subscription."))
        )

    def totals(self) -> tuple[int, ...]:
        """Return the counters: subscriptions, active ones, payments, successful ones, cents."""
        with self.site.app.app_context():
            held = read_counters(Account(self.seat.project_id, is_test_mode=True))
        assert held.revenue.keys() <= {"usd"}
        revenue = held.revenue.get("usd", NO_REVENUE)
        return (*held.totals.values(), revenue.successful_payments, revenue.cents)


@pytest.mark.usefixtures("crew")
class TestAHundredTimes:
    """One row, one effect, and every delivery is thanked for."""

    @pytest.mark.parametrize(
        ("kind", "totals", "noted"),
        [
            ("customer.subscription.created", (1, 1, 0, 0, 0), "subscription.active"),
            ("invoice.paid", (1, 1, 1, 1, 2000), "payment.succeeded"),
        ],
    )
    def test_of_a_subscription(
        self, site: Site, seat: ProjectSeat, kind: str, totals: tuple[int, ...], noted: str
    ) -> None:
        told = Told(site, seat, "subscription")
        told.deliver([told.event(kind)] * TIMES)
        (row,) = told.stored()
        assert (row.type, row.tries, row.fence) == (kind, 1, 1)
        assert told.noted()[noted] == 1
        assert (len(told.rows(Subscription)), len(told.rows(Payment))) == (totals[0], totals[2])
        assert told.totals() == totals

    def test_of_a_single_payment(self, site: Site, seat: ProjectSeat) -> None:
        told = Told(site, seat, "payment")
        told.deliver([told.event("checkout.session.completed")] * TIMES)
        (row,) = told.stored()
        assert (row.tries, row.fence) == (1, 1)
        (payment,) = told.rows(Payment)
        assert (payment.status, payment.amount_cents) == ("succeeded", 2000)
        assert told.noted() == {"payment.succeeded": 1}
        assert told.totals() == (0, 0, 1, 1, 2000)

    def test_when_it_was_done_before(self, site: Site, seat: ProjectSeat) -> None:
        """A late crowd of repetitions changes nothing any more."""
        told = Told(site, seat, "payment")
        event = told.event("checkout.session.completed")
        told.deliver([event])
        (before,) = told.rows(Payment)
        told.deliver([event] * TIMES)
        (row,) = told.stored()
        (payment,) = told.rows(Payment)
        assert (row.tries, payment.updated_at) == (1, before.updated_at)
        assert told.totals() == (0, 0, 1, 1, 2000)

    def test_of_everything_in_any_order(self, site: Site, seat: ProjectSeat) -> None:
        """All that a first payment makes an account say, each many times, all mixed up."""
        told = Told(site, seat, "subscription")
        events = told.events()
        crowd = (events * TIMES)[:TIMES]
        random.Random(7).shuffle(crowd)  # noqa: S311 - the same mix in every run
        told.deliver(crowd)
        assert len(told.stored()) == len(events)
        (subscription,), (payment,) = told.rows(Subscription), told.rows(Payment)
        assert (subscription.status, payment.status) == ("active", "succeeded")
        assert payment.subscription_row_id == subscription.id
        assert told.noted()["payment.succeeded"] == 1
        assert told.totals() == (1, 1, 1, 1, 2000)
