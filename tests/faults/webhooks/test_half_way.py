"""Handlers that fail in the middle, shapes nobody knows, and events that must not wait for them."""

from __future__ import annotations

import json
from typing import Any

import pytest
import sqlalchemy as sa

from payments.invoices.models import Invoice
from payments.kit import clock
from payments.projects.models import Subscription
from payments.projects.sync import shapes
from payments.timeline.models import TimelineEntry
from payments.webhooks import drain
from payments.webhooks.models import FAILED, PROCESSED, WebhookEvent
from payments.workspaces.models import Refund
from tests.support.deliveries import account_of, made_up
from tests.support.developers import ProjectSeat, developer_with_project
from tests.support.doors import Door, platforms_door, projects_door
from tests.support.histories import in_one_second
from tests.support.ledgers import subscription
from tests.support.obstacles import REASON, no_timeline_for
from tests.support.processes import Group, HttpClient
from tests.support.shop import Shop, eventually
from tests.support.site import Site

UPDATED = "customer.subscription.updated"
# A version of the API in which a subscription is told quite otherwise.
FUTURE = {"id": "sub_f", "object": "subscription", "lifecycle": {"phase": "active"}}


def state_of(door: Door, event_id: str) -> str:
    (row,) = door.stored(event_id)
    return row.state


def due_at_once(site: Site, event_id: str) -> None:
    """Let the wait of an event be over, and send the sweep that beat would send."""
    past = sa.update(WebhookEvent).where(WebhookEvent.event_id == event_id)
    site.run(lambda session: session.execute(past.values(due_at=clock.now())))
    site.sweep()


@pytest.fixture
def fresh(site: Site, web: HttpClient) -> ProjectSeat:
    return developer_with_project(web, site.settings)


class TestHalfWay:
    """The last of a handler's writes is refused by the database: none of them stays."""

    def test_in_a_project(
        self, site: Site, web: HttpClient, crew: Group, fresh: ProjectSeat
    ) -> None:
        door = projects_door(site, web, fresh)
        event = made_up("customer.subscription.created", data={"object": subscription()})
        mine = Subscription.project_id == fresh.project_id
        with no_timeline_for(site, "sub_1"):
            assert door.deliver(event)[1].status_code == 200
            eventually(lambda: state_of(door, event["id"]) == FAILED)
            (row,) = door.stored(event["id"])
            assert REASON in (row.last_error or "")
            assert (row.tries, row.due_at > clock.now(), row.leased_until) == (1, True, None)
            assert site.rows(Subscription, mine) == []
            assert event["id"] in crew.output
        due_at_once(site, event["id"])
        eventually(lambda: state_of(door, event["id"]) == PROCESSED)
        assert [row.status for row in site.rows(Subscription, mine)] == ["active"]

    def test_of_the_platform(self, site: Site, web: HttpClient, shop: Shop, crew: Group) -> None:
        person, place = site.customer()
        assert shop.upgrade(person, place.slug).status_code == 200
        invoice = site.row(Invoice, Invoice.workspace_id == place.id)
        intent = invoice.stripe_payment_intent_id
        made = shop.stripe("POST", "/v1/refunds", payment_intent=intent, amount=100)
        (event,) = shop.events("refund.created", made["id"])
        door = platforms_door(site, web)
        with no_timeline_for(site, made["id"]):
            door.deliver(event)
            eventually(lambda: state_of(door, event["id"]) == FAILED)
            assert site.rows(Refund, Refund.invoice_id == invoice.id) == []
            assert site.row(Invoice, Invoice.id == invoice.id).refunded_minor == 0
        due_at_once(site, event["id"])
        eventually(lambda: state_of(door, event["id"]) == PROCESSED)
        assert site.row(Refund, Refund.invoice_id == invoice.id).amount_minor == 100
        assert site.row(Invoice, Invoice.id == invoice.id).refunded_minor == 100
        told = site.rows(TimelineEntry, TimelineEntry.stripe_id == made["id"])
        assert [entry.kind for entry in told] == ["refund.found", "refund.succeeded"]


class TestPoison:
    """An event that breaks its handler every time."""

    def test_later_events_go_past_it(
        self, site: Site, web: HttpClient, crew: Group, fresh: ProjectSeat, seat: ProjectSeat
    ) -> None:
        door, others = projects_door(site, web, fresh), projects_door(site, web, seat)
        poison = [made_up(UPDATED, data={"object": {"id": "sub_p"}}) for _ in range(3)]
        in_one_second(account_of(fresh), fresh.end_user.user_id)
        history = account_of(fresh).all("events")
        elsewhere = made_up()
        for event in [*poison, *history]:
            assert door.deliver(event)[1].status_code == 200
        others.deliver(elsewhere)
        mine = Subscription.project_id == fresh.project_id
        eventually(lambda: [row.status for row in site.rows(Subscription, mine)] == ["canceled"])
        eventually(lambda: state_of(others, elsewhere["id"]) == PROCESSED)
        for event in history:
            eventually(lambda event=event: state_of(door, event["id"]) == PROCESSED)
        for event in poison:
            eventually(lambda event=event: state_of(door, event["id"]) == FAILED)
            (row,) = door.stored(event["id"])
            assert "KeyError" in (row.last_error or "")

    def test_of_the_platform(self, site: Site, web: HttpClient, crew: Group) -> None:
        door = platforms_door(site, web)
        poison = made_up("payment_intent.succeeded", data={"object": {"id": "pi_p"}})
        good = [made_up() for _ in range(3)]
        for event in [poison, *good]:
            assert door.deliver(event)[1].status_code == 200
        for event in good:
            eventually(lambda event=event: state_of(door, event["id"]) == PROCESSED)
        eventually(lambda: state_of(door, poison["id"]) == FAILED)


@pytest.fixture
def alone(site: Site) -> Site:
    """The installation without a worker: what is handled is handled here, by this code."""
    site.clear()
    return site


def drained(site: Site) -> None:
    with site.app.app_context():
        while drain.drain():
            pass


class TestUnknownShape:
    """A known type in a shape of tomorrow: kept, told, and handled once the code has learnt it."""

    def test_it_is_kept_told_and_done_after_a_mend(
        self, alone: Site, web: HttpClient, fresh: ProjectSeat, monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:  # fmt: skip
        door = projects_door(alone, web, fresh)
        event = made_up(UPDATED, data={"object": FUTURE}, api_version="2031-03-01.gentian")
        payload = json.dumps(event)
        assert door.post(payload, door.sign(payload)).status_code == 200
        drained(alone)
        self.is_told(fresh, event, caplog)
        self.mend(monkeypatch)
        answer = fresh.developer.post(f"{fresh.path}/events/{event['id']}/replay")
        assert answer.status_code == 200
        drained(alone)
        (row,) = door.stored(event["id"])
        assert (row.state, row.payload, row.last_error) == (PROCESSED, payload, None)
        (made,) = alone.rows(Subscription, Subscription.project_id == fresh.project_id)
        assert (made.subscription_id, made.status) == ("sub_f", "active")

    def is_told(
        self, seat: ProjectSeat, event: dict[str, Any], caplog: pytest.LogCaptureFixture
    ) -> None:
        shown = seat.developer.get(f"{seat.path}/events/{event['id']}").json
        assert (shown["state"], shown["api_version"]) == (FAILED, "2031-03-01.gentian")
        assert "KeyError" in shown["last_error"]
        assert shown["payload"] == event
        errors = [r.getMessage() for r in caplog.records if r.levelname == "ERROR"]
        assert f"event {event['id']} could not be handled: KeyError: 'status'" in errors

    def mend(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Teach the reader the new shape, as a release would."""
        known = shapes.subscription

        def read(found: dict[str, Any]) -> Any:
            if "lifecycle" in found:
                found = subscription(id=found["id"], status=found["lifecycle"]["phase"])
            return known(found)

        monkeypatch.setattr(shapes, "subscription", read)

    def test_an_unknown_type_is_kept_without_work(self, alone: Site, door: Door) -> None:
        event_id, answer = door.deliver(made_up("treasury.something_new", api_version="2031-03-01"))
        assert answer.status_code == 200
        before = alone.rows(TimelineEntry)
        drained(alone)
        (row,) = door.stored(event_id)
        assert (row.state, row.type, row.tries) == (PROCESSED, "treasury.something_new", 1)
        assert len(alone.rows(TimelineEntry)) == len(before)
