"""A worker's process is killed at every step of a project's events, over one and the same batch.

After each death the lease is let lapse and the batch is taken again, to die one step further.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
import sqlalchemy as sa

from payments.kit import steps
from payments.projects.models import Payment, ProjectRevenue, Subscription
from payments.projects.sync.topics import TYPES
from payments.sandbox.visitor import Visitor
from payments.timeline.models import TimelineEntry
from payments.webhooks.models import PROCESSED, WebhookEvent
from tests.support import processes
from tests.support.deliveries import account_of
from tests.support.developers import STRIPE, ProjectSeat, developer_with_project
from tests.support.ledger_rows import new_price
from tests.support.processes import HttpClient
from tests.support.shop import eventually
from tests.support.site import Site
from tests.support.steps import READY, Doom, of_the_web

# One process after the other dies and is made anew: on a busy machine that takes its time.
pytestmark = pytest.mark.timeout(300)

BACK = "https://shop.example/"
PAID = 2000
STEPS = sorted(set(steps.EVENT) - of_the_web())


@pytest.fixture(scope="module")
def seat(site: Site, web: HttpClient, tmp_path_factory: Any) -> ProjectSeat:
    """A project whose end user has bought a subscription, told of over five deaths."""
    site.clear()
    held = developer_with_project(web, site.settings)
    buy(held)
    doom = Doom(tmp_path_factory.mktemp("steps"), tuple(STEPS))
    deliver(held)
    with processes.worker(doom.environment(site.environment), processes=1, options=READY):
        for count in range(1, len(STEPS) + 1):
            site.sweep()
            eventually(lambda count=count: len(doom.met) == count)
            site.lapse(WebhookEvent)
    assert doom.met == set(STEPS)
    with site.worker(), site.sweeping():
        eventually(lambda: all_handled(site, held))
    return held


def buy(seat: ProjectSeat) -> None:
    body = {"price_id": new_price(seat.shop, amount=PAID, interval="month")}
    body |= {"success_url": BACK, "cancel_url": BACK, "mode": "subscription"}
    answer = seat.end_user.post(f"{STRIPE}/checkout-session", body)
    assert answer.status_code == 200, answer.text
    assert Visitor().check_out(answer.json["checkout_url"]).location == BACK


def deliver(seat: ProjectSeat) -> None:
    """Deliver what happened at Stripe, the newest first: the worst order there is."""
    for event in reversed(account_of(seat).all("events")):
        if event["type"] in TYPES:
            payload = json.dumps(event)
            headers = {"Stripe-Signature": seat.shop.signature(payload)}
            path = seat.webhook_path()
            assert (
                seat.developer.client.post(path, data=payload, headers=headers).status_code == 200
            )


def all_handled(site: Site, seat: ProjectSeat) -> bool:
    rows = site.rows(WebhookEvent, WebhookEvent.owner == seat.project_id)
    return {row.state for row in rows} == {PROCESSED}


def test_every_event_is_handled_and_counts_once(site, seat):
    """One subscription, one payment, the revenue of one: five deaths have added nothing."""
    (subscription,) = site.rows(Subscription, Subscription.project_id == seat.project_id)
    (payment,) = site.rows(Payment, Payment.project_id == seat.project_id)
    assert (subscription.status, payment.status) == ("active", "succeeded")
    counters = sa.select(ProjectRevenue.successful_payments, ProjectRevenue.revenue_cents)
    mine = counters.where(ProjectRevenue.project_id == seat.project_id)
    assert site.read(lambda session: session.execute(mine).all()) == [(1, PAID)]
    notes = site.rows(TimelineEntry, TimelineEntry.project_id == seat.project_id)
    told = Counter(n.kind for n in notes if n.kind.startswith(("payment.", "subscription.")))
    assert set(told.values()) == {1}, told


def test_every_death_cost_a_claim(site, seat):
    """The five deaths were over events of this project, and their events were taken again."""
    rows = site.rows(WebhookEvent, WebhookEvent.owner == seat.project_id)
    assert sum(row.tries for row in rows) >= len(rows) + len(STEPS)
