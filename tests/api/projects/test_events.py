"""Events for those who have to find out what happened: developers by HTTP, operators by command."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa
from flask import Flask

from payments.kit.db import db
from payments.kit.transactions import transaction
from payments.timeline.models import TimelineEntry
from payments.webhooks import inbox
from payments.webhooks.models import DEAD, WebhookEvent
from payments.webhooks.shelf import PayloadDropped
from tests.support.deliveries import deliver, made_up, settled
from tests.support.developers import Developer, ProjectSeat
from tests.support.ledgers import Desk, subscription

UPDATED = "customer.subscription.updated"
POISON = {"id": "sub_9", "object": "subscription"}


def path(seat: ProjectSeat, *more: str) -> str:
    return "/".join([f"/api/v1/payments/stripe/projects/{seat.project_id}/events", *more])


def listed(seat: ProjectSeat, **query: object) -> list[str]:
    answer = seat.developer.get(path(seat), query_string=query)
    assert answer.status_code == 200, answer.text
    return [event["event_id"] for event in answer.json["events"]]


class TestList:
    def test_the_newest_first(self, desk: Desk, neighbours: ProjectSeat) -> None:
        deliver(neighbours, made_up())
        names = [desk.tell("customer.created", {"id": "cus_1"}) for _ in range(3)]
        answer = desk.seat.developer.get(path(desk.seat))
        assert [event["event_id"] for event in answer.json["events"]] == names[::-1]
        assert (answer.json["total"], answer.json["page"], answer.json["page_size"]) == (3, 1, 50)

    def test_an_item(self, app: Flask, desk: Desk) -> None:
        name = desk.take(UPDATED, subscription())
        (item,) = desk.seat.developer.get(path(desk.seat)).json["events"]
        processed, received = item.pop("processed_at"), item.pop("received_at")
        assert processed >= received
        assert item == {
            "event_id": name,
            "type": UPDATED,
            "is_test_mode": True,
            "api_version": "2026-10-28.endive",
            "state": "processed",
            "tries": 1,
            "last_error": None,
            "note": None,
            "payload_dropped": False,
            "created_at": "2027-01-15T08:00:00.000Z",
            "next_try_at": None,
        }

    def test_filters(self, desk: Desk) -> None:
        broken = desk.take(UPDATED, POISON)
        fine = desk.take(UPDATED, subscription())
        live = desk.take("customer.created", {"id": "cus_1"}, livemode=True)
        seat = desk.seat
        assert listed(seat, state="failed") == [broken]
        assert listed(seat, state="processed") == [live, fine]
        assert listed(seat, type=UPDATED) == [fine, broken]
        assert listed(seat, test_mode="false") == [live]
        assert listed(seat, test_mode="true", state="processed") == [fine]
        assert listed(seat, state="dead") == []
        failed = seat.developer.get(path(seat), query_string={"state": "failed"}).json["events"]
        assert failed[0]["next_try_at"] is not None
        assert "KeyError" in failed[0]["last_error"]

    def test_pages(self, desk: Desk) -> None:
        names = [desk.tell("customer.created", {"id": "cus_1"}) for _ in range(3)]
        assert listed(desk.seat, page=2, page_size=2) == names[:1]
        assert listed(desk.seat, page=9) == []

    @pytest.mark.parametrize(
        "query", [{"page": 0}, {"page_size": 101}, {"state": "lost"}, {"test_mode": "maybe"}]
    )
    def test_out_of_range(self, seat: ProjectSeat, query: dict) -> None:
        assert seat.developer.get(path(seat), query_string=query).status_code == 422


class TestShow:
    def test_with_its_payload(self, desk: Desk) -> None:
        name = desk.tell(UPDATED, subscription())
        answer = desk.seat.developer.get(path(desk.seat, name))
        assert answer.status_code == 200
        assert answer.json["payload"]["data"]["object"] == subscription()
        assert answer.json["state"] == "received"

    @pytest.mark.parametrize("name", ["evt_nothing", "%00", "%0a"])
    def test_none_of_that_id(self, seat: ProjectSeat, name: str) -> None:
        answer = seat.developer.get(path(seat, name))
        assert (answer.status_code, answer.json) == (404, {"detail": "Event not found"})

    def test_another_projects_event(self, desk: Desk, neighbours: ProjectSeat) -> None:
        event = made_up()
        deliver(neighbours, event)
        assert desk.seat.developer.get(path(desk.seat, event["id"])).status_code == 404


class TestReplay:
    def test_a_dead_one_lives_again(self, app: Flask, desk: Desk) -> None:
        name = desk.take(UPDATED, POISON)
        desk._change(WebhookEvent.event_id == name, state=DEAD, tries=12)
        fixed = json.dumps(made_up("customer.created", id=name))
        desk._change(WebhookEvent.event_id == name, payload=fixed)
        answer = desk.seat.developer.post(path(desk.seat, name, "replay"))
        assert answer.status_code == 200
        assert (answer.json["state"], answer.json["tries"]) == ("received", 0)
        settled(app, [name])

    def test_it_is_told(self, app: Flask, desk: Desk) -> None:
        name = desk.take(UPDATED, subscription())
        desk.objects["get_subscription", "sub_1"] = subscription(status="unpaid")
        assert desk.seat.developer.post(path(desk.seat, name, "replay")).status_code == 200
        settled(app, [name])
        assert desk.subscription().status == "unpaid"
        with app.app_context():
            query = sa.select(TimelineEntry).where(TimelineEntry.kind == "event.replayed")
            entry = db.session.scalars(query.order_by(TimelineEntry.id.desc())).first()
            assert (entry.project_id, entry.stripe_id) == (desk.seat.project_id, name)
            assert entry.actor.startswith("user:")

    def test_none_of_that_id(self, seat: ProjectSeat) -> None:
        assert seat.developer.post(path(seat, "evt_no", "replay")).status_code == 404

    def test_one_whose_payload_was_dropped(self, desk: Desk) -> None:
        name = desk.take(UPDATED, subscription())
        desk._change(WebhookEvent.event_id == name, payload=None)
        answer = desk.seat.developer.post(path(desk.seat, name, "replay"))
        assert (answer.status_code, answer.json) == (409, {"detail": PayloadDropped.sentence})
        shown = desk.seat.developer.get(path(desk.seat, name)).json
        assert (shown["payload"], shown["payload_dropped"]) == (None, True)
        (item,) = desk.seat.developer.get(path(desk.seat)).json["events"]
        assert (item["payload_dropped"], item["state"]) == (True, "processed")


@pytest.mark.parametrize("way", [("GET",), ("GET", "evt_1"), ("POST", "evt_1", "replay")])
class TestOthers:
    def test_a_foreign_developer(
        self, seat: ProjectSeat, neighbours: ProjectSeat, way: tuple[str, ...]
    ) -> None:
        method, *rest = way
        assert neighbours.developer.call(method, path(seat, *rest)).status_code == 403

    def test_an_end_user(self, seat: ProjectSeat, way: tuple[str, ...]) -> None:
        method, *rest = way
        assert seat.end_user.call(method, path(seat, *rest)).status_code == 403

    def test_nobody(self, seat: ProjectSeat, way: tuple[str, ...]) -> None:
        method, *rest = way
        assert seat.developer.client.open(path(seat, *rest), method=method).status_code == 401

    def test_no_such_project(self, developer: Developer, way: tuple[str, ...]) -> None:
        method, *rest = way
        nowhere = "/api/v1/payments/stripe/projects/00000000-0000-0000-0000-000000000000/events"
        assert developer.call(method, "/".join([nowhere, *rest])).status_code == 404


class TestCommands:
    def run(self, app: Flask, *words: str) -> str:
        with app.app_context():
            answer = app.test_cli_runner().invoke(args=["events", *words])
        assert answer.exception is None or answer.exit_code, answer.exception
        return str(answer.output)

    def test_list(self, app: Flask, desk: Desk) -> None:
        broken, fine = desk.take(UPDATED, POISON), desk.take(UPDATED, subscription())
        project = ("--project", desk.seat.project_id)
        text = self.run(app, "list", *project)
        assert text.index(fine) < text.index(broken)
        assert text.endswith("2 of 2\n")
        assert fine not in self.run(app, "list", *project, "--state", "failed", "--type", UPDATED)
        assert "KeyError" in self.run(app, "list", "--state", "failed")

    def test_show(self, app: Flask, desk: Desk) -> None:
        name = desk.tell(UPDATED, subscription())
        text = self.run(app, "show", name)
        assert '"id": "sub_1"' in text
        assert "there is no event" in self.run(app, "show", name, "--project", "platform")

    def test_replay(self, app: Flask, desk: Desk) -> None:
        names = [desk.take(UPDATED, POISON) for _ in range(2)]
        project = ("--project", desk.seat.project_id)
        assert self.run(app, "replay", names[0], *project) == f"replayed {names[0]}\n"
        assert self.run(app, "replay", *project) == ""
        desk._change(WebhookEvent.event_id.in_(names), state=DEAD)
        assert self.run(app, "replay", *project).count("replayed") == 2
        with app.app_context(), transaction() as session:
            gone = sa.delete(WebhookEvent).where(WebhookEvent.event_id.in_(names))
            session.execute(gone)

    def test_an_event_whose_payload_was_dropped(self, app: Flask, desk: Desk) -> None:
        gone, kept = desk.take(UPDATED, subscription()), desk.take(UPDATED, subscription())
        desk._change(WebhookEvent.event_id == gone, payload=None)
        assert "its payload is no longer stored" in self.run(app, "show", gone)
        text = self.run(app, "replay", gone, kept)
        assert f"replayed {kept}" in text
        assert f"replayed {gone}" not in text
        assert PayloadDropped.sentence in text
        desk.drain()

    def test_the_platforms_events_too(self, app: Flask, desk: Desk) -> None:
        event = made_up()
        with app.app_context():
            inbox.store("platform", event, json.dumps(event))
        desk.drain()
        assert f"replayed {event['id']}" in self.run(app, "replay", event["id"])
        settled(app, [event["id"]])
