"""A project's deliveries cannot fill the disk: their bytes are counted and held to a quota."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.test import TestResponse

from payments.config import Settings
from payments.kit import clock
from payments.kit.db import db, is_sqlite
from payments.kit.transactions import transaction
from payments.retention import payloads
from payments.webhooks import inbox, storage, tally
from payments.webhooks.deliveries import BEYOND_QUOTA
from payments.webhooks.models import PLATFORM, EventStorage, WebhookEvent
from tests.support.apps import another_app
from tests.support.deliveries import deliver, deliver_all, made_up
from tests.support.developers import ProjectSeat, developer_with_project

MIB = 1024 * 1024
WORK = "customer.subscription.updated"


@pytest.fixture
def small(settings: Settings, worker: None) -> Iterator[Flask]:
    """The service with a quota of one MiB."""
    with another_app(settings, event_quota_mb=1) as app:
        yield app


@pytest.fixture
def full(small: Flask, settings: Settings) -> ProjectSeat:
    """A project that has used up nine tenths of its quota, with events that were handled."""
    seat = developer_with_project(small.test_client(), settings)
    deliver_all(small, seat, [large() for _ in range(3)])
    return seat


def large(kind: str = "x.y", size: int = 320_000, **changes: Any) -> dict[str, Any]:
    return made_up(kind, padding="x" * size, **changes)


def rows(app: Flask, seat: ProjectSeat) -> dict[str, Any]:
    with app.app_context():
        query = sa.select(WebhookEvent).where(WebhookEvent.owner == seat.project_id)
        found = {row.event_id: row for row in db.session.scalars(query)}
        db.session.expunge_all()
        return found


def counted(app: Flask, owner: str) -> tuple[int, int]:
    """Return what the counter says, and what the rows hold."""
    with app.app_context():
        texts = sa.select(WebhookEvent.payload).where(WebhookEvent.owner == owner)
        held = sum(len(text.encode()) for text in db.session.scalars(texts) if text is not None)
        return storage.count_stored_bytes(owner), held


def assert_refused(answer: TestResponse) -> None:
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert "quota" in answer.json["detail"]


class TestBeyondIt:
    def test_an_event_without_work_keeps_its_row_only(
        self, small: Flask, full: ProjectSeat
    ) -> None:
        event = large()
        assert deliver(full, event).json == {"received": True}
        row = rows(small, full)[event["id"]]
        assert (row.payload, row.state, row.note) == (None, "processed", BEYOND_QUOTA)
        shown = full.developer.get(f"{full.path}/events/{event['id']}").json
        assert (shown["payload_dropped"], shown["note"]) == (True, BEYOND_QUOTA)
        assert counted(small, full.project_id)[0] < MIB

    def test_one_with_work_is_to_come_again(self, small: Flask, full: ProjectSeat) -> None:
        event = large(WORK)
        with small.app_context():
            before = tally.refused()["quota"]
        assert_refused(deliver(full, event))
        assert event["id"] not in rows(small, full)
        with small.app_context():
            assert tally.refused()["quota"] == before + 1
            assert payloads.drop_payloads_over_quota(100) > 0
        assert deliver(full, event).status_code == 200
        assert event["id"] in rows(small, full)

    def test_small_ones_fit_still(self, small: Flask, full: ProjectSeat) -> None:
        event = made_up(WORK)
        assert deliver(full, event).status_code == 200
        assert rows(small, full)[event["id"]].payload is not None

    def test_a_repeated_delivery_is_no_new_one(self, small: Flask, full: ProjectSeat) -> None:
        event = large(WORK, size=50_000)
        assert deliver(full, event).status_code == 200
        again = {**event, "padding": "x" * 320_000}
        assert deliver(full, again).status_code == 200
        idle = large()
        assert [deliver(full, idle).status_code for _ in range(2)] == [200, 200]
        assert len(rows(small, full)) == 5

    def test_refusals_are_not_counted_against_stripe(
        self, settings: Settings, full: ProjectSeat, small: Flask
    ) -> None:
        with another_app(settings, event_quota_mb=1, rate_limit="2 per minute") as app:
            client = app.test_client()
            for _ in range(4):
                event = json.dumps(large(WORK))
                headers = {"Stripe-Signature": full.shop.signature(event)}
                assert_refused(client.post(full.webhook_path(), data=event, headers=headers))

    def test_other_projects_and_the_platform_go_on(
        self, small: Flask, full: ProjectSeat, settings: Settings
    ) -> None:
        other = developer_with_project(small.test_client(), settings)
        assert deliver(other, large(WORK)).status_code == 200
        with small.app_context():
            for _ in range(5):
                event = large()
                assert inbox.store(PLATFORM, event, json.dumps(event))
            query = sa.delete(WebhookEvent).where(WebhookEvent.type == "x.y")
            with transaction() as session:
                session.execute(query.where(WebhookEvent.owner == PLATFORM))
            storage.recount_bytes([PLATFORM])

    def test_without_a_quota_everything_is_kept(self, settings: Settings, worker: None) -> None:
        with another_app(settings, event_quota_mb=0) as app:
            seat = developer_with_project(app.test_client(), settings)
            for _ in range(4):
                assert deliver(seat, large()).status_code == 200
            assert all(row.payload for row in rows(app, seat).values())
            shown = seat.developer.get(f"{seat.path}/events").json
            assert shown["quota_bytes"] is None
            assert shown["stored_bytes"] > MIB


class TestCounting:
    def test_deliveries_at_once(self, small: Flask, settings: Settings, worker: None) -> None:
        seat = developer_with_project(small.test_client(), settings)
        events = [made_up(padding="ä" * 1000) for _ in range(24)]
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda event: deliver(seat, event), [*events, *events]))
        assert {answer.status_code for answer in answers} == {200}
        count, held = counted(small, seat.project_id)
        assert count == held > 24_000

    def test_what_is_dropped_no_longer_counts(self, small: Flask, full: ProjectSeat) -> None:
        with clock.frozen(clock.now() + timedelta(days=91)), small.app_context():
            while payloads.drop_payloads(500):
                pass
        assert counted(small, full.project_id) == (0, 0)

    def test_the_oldest_go_first_until_a_tenth_is_free(
        self, small: Flask, full: ProjectSeat
    ) -> None:
        with small.app_context():
            payloads.drop_payloads_over_quota(100)
        kept = [row.payload is not None for _, row in sorted(rows(small, full).items(), key=by_id)]
        assert kept == [False, True, True]
        count, held = counted(small, full.project_id)
        assert count == held < MIB * 9 // 10

    def test_what_waits_is_never_dropped(self, small: Flask, full: ProjectSeat) -> None:
        with small.app_context():
            with transaction() as session:
                change = sa.update(WebhookEvent).where(WebhookEvent.owner == full.project_id)
                session.execute(change.values(state="dead"))
            payloads.drop_payloads_over_quota(100)
        assert all(row.payload for row in rows(small, full).values())

    def test_the_command_counts_anew(self, small: Flask, full: ProjectSeat) -> None:
        with small.app_context(), transaction() as session:
            change = sa.update(EventStorage).where(EventStorage.owner == full.project_id)
            session.execute(change.values(bytes=7))
        told = small.test_cli_runner().invoke(args=["events", "recount"]).output
        count, held = counted(small, full.project_id)
        assert count == held
        line = next(line for line in told.splitlines() if full.project_id in line)
        assert f"{held} bytes, not " in line

    def test_the_list_and_the_metrics_tell(self, small: Flask, full: ProjectSeat) -> None:
        shown = full.developer.get(f"{full.path}/events").json
        assert shown["stored_bytes"] == counted(small, full.project_id)[0]
        assert shown["quota_bytes"] == MIB
        told = small.test_client().get("/metrics").text
        assert 'payments_webhook_stored_bytes{owner="projects"}' in told
        assert "payments_webhook_projects_near_quota" in told


def test_a_delivery_is_one_round_trip(small: Flask, full: ProjectSeat) -> None:
    """On PostgreSQL: counter, row and counter again in a single statement."""
    sent: list[str] = []
    with small.app_context():
        if is_sqlite(db.engine):
            pytest.skip("SQLite is no trip away")
        sa.event.listen(db.engine, "before_cursor_execute", lambda *args: sent.append(args[2]))
        for event in (made_up(), large()):
            inbox.store(full.project_id, event, json.dumps(event))
    assert len(sent) == 2


def by_id(item: tuple[str, Any]) -> int:
    return int(item[1].id)
