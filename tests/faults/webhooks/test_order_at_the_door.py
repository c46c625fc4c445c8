"""Histories that Stripe tells backwards, early, late, mixed or all at once; a real worker hears."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import requests
import sqlalchemy as sa

from payments.invoices.models import Invoice
from payments.kit import clock
from payments.projects.models import Payment, Subscription
from payments.projects.sync.topics import TYPES
from payments.timeline.models import TimelineEntry
from payments.webhooks.models import FAILED, PROCESSED, WebhookEvent
from payments.workspaces.models import Charge, Refund
from tests.support.deliveries import account_of, made_up
from tests.support.developers import STRIPE, ProjectSeat, developer_with_project
from tests.support.doors import Door, platforms_door, projects_door
from tests.support.errands import CONFIRMATION
from tests.support.histories import BEFORE_BASIL, DAY, Account, a_year, in_one_second, never_paid
from tests.support.processes import Group, HttpClient
from tests.support.shop import Shop, eventually
from tests.support.site import Site, at_once

ASYNC = {"Prefer": "respond-async"}
HELD_MS = 6000


@pytest.fixture
def fresh(site: Site, web: HttpClient) -> ProjectSeat:
    return developer_with_project(web, site.settings)


@pytest.fixture
def own(site: Site, web: HttpClient, fresh: ProjectSeat) -> Door:
    return projects_door(site, web, fresh)


def told(account: Account) -> list[dict[str, Any]]:
    """Return what an account says about the things we listen to, the oldest first."""
    return [event for event in account.all("events") if event["type"] in TYPES]


def heard(door: Door, event_ids: list[str]) -> None:
    """Wait until these are done; what has to wait is due at once and swept up."""

    def look() -> bool:
        rows = [row for row in door.stored() if row.event_id in event_ids]
        if any(row.state == FAILED for row in rows):
            waits = sa.update(WebhookEvent).where(WebhookEvent.state == FAILED)
            door.site.run(lambda session: session.execute(waits.values(due_at=clock.now())))
            door.site.sweep()
        return [row.state for row in rows] == [PROCESSED] * len(set(event_ids))

    eventually(look, seconds=60, every=0.2)


def assert_level(site: Site, seat: ProjectSeat, account: Account) -> None:
    """Our ledger says what Stripe says now, whatever was told on the way."""
    ours = {
        row.subscription_id: (row.status, row.price_id)
        for row in site.rows(Subscription, Subscription.project_id == seat.project_id)
    }
    assert ours == {
        held["id"]: (held["status"], held["items"]["data"][0]["price"]["id"])
        for held in account.all("subscriptions", status="all")
    }
    back: dict[str, int] = {}
    for made in account.all("refunds"):
        if made["status"] not in {"failed", "canceled"}:
            back[made["payment_intent"]] = back.get(made["payment_intent"], 0) + made["amount"]
    paid = {
        row.payment_intent_id: (row.amount_cents, row.refunded_amount_cents)
        for row in site.rows(Payment, Payment.project_id == seat.project_id)
        if row.status in {"succeeded", "partially_refunded", "refunded"}
    }
    assert paid == {
        held["id"]: (held["amount"], back.get(held["id"], 0))
        for held in account.all("payment_intents")
        if held["status"] == "succeeded"
    }


@pytest.mark.usefixtures("crew")
class TestBackwards:
    @pytest.mark.parametrize("tell", [a_year, in_one_second, never_paid])
    def test_the_end_comes_first(
        self, site: Site, fresh: ProjectSeat, own: Door, tell: Callable[..., None]
    ) -> None:
        """Deleted before created, refunded before paid, much of it within the same second."""
        account = account_of(fresh)
        tell(account, fresh.end_user.user_id)
        events = told(account)[::-1]
        for event in events:
            assert own.deliver(event)[1].status_code == 200
        heard(own, [event["id"] for event in events])
        assert_level(site, fresh, account)

    def test_what_has_ended_is_never_revived(
        self, site: Site, fresh: ProjectSeat, own: Door
    ) -> None:
        """Every old event once more, by Stripe under a new id and by a replay: it stays ended."""
        account = account_of(fresh)
        in_one_second(account, fresh.end_user.user_id)
        events = told(account)
        for event in events:
            own.deliver(event)
        heard(own, [event["id"] for event in events])
        again = [{**event, "id": made_up()["id"]} for event in events]
        for event in again:
            own.deliver(event)
        for event in events:
            fresh.developer.post(f"{fresh.path}/events/{event['id']}/replay")
        heard(own, [event["id"] for event in [*events, *again]])
        assert_level(site, fresh, account)
        mine = (TimelineEntry.project_id == fresh.project_id, TimelineEntry.kind.like("sub%"))
        assert [entry.kind for entry in site.rows(TimelineEntry, *mine)][-1] == (
            "subscription.canceled"
        )

    def test_two_generations_of_the_api_in_one_stream(
        self, site: Site, fresh: ProjectSeat, own: Door
    ) -> None:
        """The account's version is raised in mid-history, and the mail arrives mixed up."""
        account = account_of(fresh)
        latest = requests.get(
            f"{account.url}/_sandbox/api_version", auth=(account.key, ""), timeout=10
        ).json()["version"]
        account.control("api_version", version=BEFORE_BASIL)
        customer = account.customer()
        held = account.subscribe(customer, account.price(1000), fresh.end_user.user_id)
        account.advance(31 * DAY + 3700)
        account.control("api_version", version=latest)
        account.advance(31 * DAY)
        account.refund(account.payments()[0], 400)
        account.post(f"subscriptions/{held}", cancel_at_period_end="true")
        events = told(account)
        versions = {event["api_version"] for event in events}
        assert versions == {BEFORE_BASIL, latest}
        random.Random(3).shuffle(events)  # noqa: S311 - the same order in every run
        for event in events:
            own.deliver(event)
        heard(own, [event["id"] for event in events])
        assert_level(site, fresh, account)


@pytest.mark.usefixtures("crew")
class TestEarly:
    """Stripe's event is here before the answer to the call that caused it."""

    def test_of_a_charge(self, site: Site, web: HttpClient, shop: Shop) -> None:
        person, place = site.customer()
        site.fault("delay", "POST", CONFIRMATION, ms=HELD_MS, when="after")
        assert shop.upgrade(person, place.slug, headers=ASYNC).status_code == 202
        (intent,) = eventually(lambda: site.payments(place.id))
        (event,) = eventually(lambda: shop.events("payment_intent.succeeded", intent["id"]))
        door = platforms_door(site, web)
        door.deliver(event)
        heard(door, [event["id"]])
        mine = Charge.workspace_id == place.id
        charge = site.row(Charge, mine)
        assert (charge.status, charge.stripe_payment_intent_id) == ("succeeded", intent["id"])
        # The sandbox notes a request once it has answered it: our call is still waiting.
        confirm = f"/v1/payment_intents/{intent['id']}/confirm"
        assert site.calls("POST", confirm) == []
        eventually(lambda: site.calls("POST", confirm))
        assert [p["status"] for p in site.payments(place.id)] == ["succeeded"]
        assert [i.status for i in site.rows(Invoice, Invoice.workspace_id == place.id)] == ["paid"]
        wanted = (TimelineEntry.workspace_id == place.id, TimelineEntry.kind == "charge.succeeded")
        assert [e.actor for e in site.rows(TimelineEntry, *wanted)] == [f"event:{event['id']}"]

    def test_of_a_subscription_that_is_canceled(
        self, site: Site, fresh: ProjectSeat, own: Door
    ) -> None:
        account = account_of(fresh)
        subscription = self.subscribed(account, fresh, own)
        delay = {"match": {"method": "DELETE", "path": f"/v1/subscriptions/{subscription}"}}
        account.control("faults", **delay, action="delay", ms=HELD_MS, when="after")
        body = {"cancel_immediately": True}
        answer, event_id = at_once(
            [
                lambda: fresh.end_user.post(f"{STRIPE}/cancel-subscription", body),
                lambda: self.overtake(account, own, subscription),
            ]
        )
        assert (answer.status_code, answer.json["status"]) == (200, "canceled")
        heard(own, [event_id])
        assert_level(site, fresh, account)
        wanted = TimelineEntry.stripe_id == subscription
        kinds = [entry.kind for entry in site.rows(TimelineEntry, wanted)]
        assert kinds.count("subscription.canceled") == 1

    def subscribed(self, account: Account, seat: ProjectSeat, door: Door) -> str:
        customer = account.customer()
        held = account.subscribe(customer, account.price(1000), seat.end_user.user_id)
        events = told(account)
        for event in events:
            door.deliver(event)
        heard(door, [event["id"] for event in events])
        return held

    def overtake(self, account: Account, door: Door, subscription: str) -> str:
        """Deliver the end as soon as Stripe tells it, while our call still waits."""

        def ended() -> list[dict[str, Any]]:
            found = told(account)
            return [e for e in found if e["type"] == "customer.subscription.deleted"]

        (event,) = eventually(ended)
        started = clock.monotonic()
        door.deliver(event)
        heard(door, [event["id"]])
        assert clock.monotonic() - started < HELD_MS / 1000
        return str(event["id"])


class TestAtOnce:
    def test_a_refund_of_the_platform_a_hundred_times(
        self, site: Site, web: HttpClient, shop: Shop, crew: Group
    ) -> None:
        person, place = site.customer()
        assert shop.upgrade(person, place.slug).status_code == 200
        invoice = site.row(Invoice, Invoice.workspace_id == place.id)
        intent = invoice.stripe_payment_intent_id
        made = shop.stripe("POST", "/v1/refunds", payment_intent=intent, amount=250)
        (event,) = shop.events("refund.created", made["id"])
        door = platforms_door(site, web)
        payload = json.dumps(event)
        answers = at_once([partial(door.post, payload, door.sign(payload))] * 100)
        assert {answer.status_code for answer in answers} == {200}
        heard(door, [event["id"]])
        (row,) = door.stored(event["id"])
        assert (row.tries, row.fence) == (1, 1)
        assert site.row(Refund, Refund.invoice_id == invoice.id).amount_minor == 250
        assert site.row(Invoice, Invoice.id == invoice.id).refunded_minor == 250
        told_ = site.rows(TimelineEntry, TimelineEntry.stripe_id == made["id"])
        assert [entry.kind for entry in told_] == ["refund.found", "refund.succeeded"]

    def test_captured_and_sent_again_within_the_tolerance(self, site: Site, door: Door) -> None:
        """Whoever recorded a delivery can only repeat what was done already."""
        event = made_up()
        payload = json.dumps(event)
        header = door.sign(payload)
        assert [door.post(payload, header).status_code for _ in range(3)] == [200] * 3
        assert len(door.stored(event["id"])) == 1


class TestBacklog:
    def test_half_an_hour_without_a_worker(
        self, site: Site, web: HttpClient, fresh: ProjectSeat
    ) -> None:
        """Signatures are checked at the door alone: what has waited for long is as good as ever."""
        site.clear()
        doors = [platforms_door(site, web), projects_door(site, web, fresh)]
        ids = {d.owner: [d.deliver()[0] for _ in range(60)] for d in doors}
        past = clock.now() - timedelta(minutes=31)
        moved = sa.update(WebhookEvent).where(WebhookEvent.owner.in_(ids))
        moved = moved.where(WebhookEvent.state == "received")
        site.run(
            lambda session: session.execute(
                moved.values(received_at=past, due_at=past, created=int(past.timestamp()))
            )
        )
        with site.worker():
            site.sweep()
            for door in doors:
                heard(door, ids[door.owner])
        for door in doors:
            rows = [row for row in door.stored() if row.event_id in ids[door.owner]]
            assert {row.tries for row in rows} == {1}
