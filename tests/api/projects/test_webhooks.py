"""`POST /api/v1/payments/stripe/webhooks/{project_id}/{mode}`: verified, stored once, answered."""

from __future__ import annotations

import json
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy import event as sa_event

from payments.config import Settings
from payments.extensions import redis
from payments.kit.db import db
from payments.webhooks import inbox, wake
from payments.webhooks.models import WebhookEvent
from tests.support.deliveries import deliver, made_up, settled, stored
from tests.support.developers import ProjectSeat, signing_secret, store_keys


class TestReceive:
    def test_takes_an_event(self, app: Flask, seat: ProjectSeat) -> None:
        event = made_up()
        answer = deliver(seat, event)
        assert (answer.status_code, answer.json) == (200, {"received": True})
        assert stored(app, seat) == [event["id"]]
        settled(app, [event["id"]])

    def test_stores_what_was_signed_letter_by_letter(self, app: Flask, seat: ProjectSeat) -> None:
        event = made_up()
        payload = json.dumps(event, indent=3) + "\n"
        assert deliver(seat, payload).status_code == 200
        with app.app_context():
            row = inbox.find(seat.project_id, event["id"])
            assert (row.payload, row.mode, row.type) == (payload, "test", "customer.created")
            assert row.api_version == "2026-10-28.endive"

    def test_live_events_go_to_the_live_address(self, app: Flask, neighbours: ProjectSeat) -> None:
        event = made_up(livemode=True)
        secret = neighbours.live_webhook_secret
        assert deliver(neighbours, event, "live", secret=secret).status_code == 200
        with app.app_context():
            assert inbox.find(neighbours.project_id, event["id"]).mode == "live"

    def test_the_same_event_twice_is_stored_once(self, app: Flask, seat: ProjectSeat) -> None:
        event = made_up()
        assert [deliver(seat, event).status_code for _ in range(2)] == [200, 200]
        assert stored(app, seat) == [event["id"]]

    def test_two_projects_may_get_the_same_event(
        self, app: Flask, seat: ProjectSeat, neighbours: ProjectSeat
    ) -> None:
        event = made_up()
        for project in (seat, neighbours):
            assert deliver(project, event).status_code == 200
            assert event["id"] in stored(app, project)

    def test_a_hundred_at_once_are_one_row(self, app: Flask, seat: ProjectSeat) -> None:
        event = made_up()

        def once(_number: int) -> int:
            return deliver(seat, event).status_code

        with ThreadPoolExecutor(16) as pool:
            assert set(pool.map(once, range(100))) == {200}
        settled(app, [event["id"]])
        assert stored(app, seat) == [event["id"]]

    def test_an_unknown_type_means_no_work(self, app: Flask, seat: ProjectSeat) -> None:
        event = made_up("treasury.whatever.happened")
        assert deliver(seat, event).status_code == 200
        settled(app, [event["id"]])


class TestRefusals:
    @pytest.mark.parametrize("mode", ["Test", "both", "test2", "%20"])
    def test_no_such_mode(self, seat: ProjectSeat, mode: str) -> None:
        assert deliver(seat, made_up(), mode).status_code == 404

    def test_no_uuid(self, seat: ProjectSeat) -> None:
        path = seat.webhook_path().replace(seat.project_id, "nonsense")
        answer = seat.developer.client.post(path, data="{}")
        assert answer.status_code == 422
        assert answer.json["detail"][0]["loc"] == ["path", "project_id"]

    def test_no_such_project(self, seat: ProjectSeat) -> None:
        path = seat.webhook_path().replace(seat.project_id, str(uuid.uuid4()))
        answer = seat.developer.client.post(path, data="{}", headers={"Stripe-Signature": "t=1"})
        assert answer.status_code == 404
        assert answer.json == {"detail": "No webhook is configured for this project and mode"}

    def test_no_secret_for_the_mode(self, seat: ProjectSeat) -> None:
        assert deliver(seat, made_up(livemode=True), "live").status_code == 404

    def test_a_deactivated_configuration(self, app: Flask, seat: ProjectSeat) -> None:
        path = f"/api/v1/payments/stripe/projects/{seat.project_id}/config"
        assert seat.developer.delete(path).status_code == 204
        assert deliver(seat, made_up()).status_code == 404
        assert stored(app, seat) == []

    @pytest.mark.parametrize(
        "header",
        [None, "", "nonsense", "t=1", "v1=abc", "t=x,v1=y", "t=1,t=2,v1=aa", "é", "t=1," * 3000],
    )
    def test_a_broken_signature(self, app: Flask, seat: ProjectSeat, header: str | None) -> None:
        answer = deliver(seat, made_up(), header=header)
        assert (answer.status_code, answer.json) == (400, {"detail": "Invalid Stripe signature"})
        assert stored(app, seat) == []

    @pytest.mark.parametrize("seconds", [-301, 310])
    def test_too_old_or_from_the_future(self, seat: ProjectSeat, seconds: int) -> None:
        assert deliver(seat, made_up(), at=int(time.time()) + seconds).status_code == 400

    def test_somebody_elses_secret(self, seat: ProjectSeat, neighbours: ProjectSeat) -> None:
        answer = deliver(seat, made_up(), secret=neighbours.webhook_secret)
        assert answer.status_code == 400

    def test_another_body_than_the_signed_one(self, seat: ProjectSeat) -> None:
        event = made_up()
        header = seat.shop.signature(json.dumps(event))
        assert deliver(seat, json.dumps(event, indent=1), header=header).status_code == 400

    @pytest.mark.parametrize(
        "body", ["", "null", "[]", "7", "{}", "{", '{"id": "evt_1"}', b"\xff\xfe"]
    )
    def test_a_signed_body_that_is_no_event(
        self, app: Flask, seat: ProjectSeat, body: str | bytes
    ) -> None:
        assert deliver(seat, body).status_code == 400
        assert stored(app, seat) == []

    def test_more_than_a_mebibyte(self, seat: ProjectSeat) -> None:
        answer = deliver(seat, json.dumps(made_up(padding="x" * 1024 * 1024)))
        assert answer.status_code == 413


class TestRotation:
    def test_the_former_secret_still_counts(self, seat: ProjectSeat) -> None:
        fresh = signing_secret()
        assert deliver(seat, made_up()).status_code == 200
        store_keys(seat.developer, seat.project_id, test_webhook_secret=fresh)
        for secret in (fresh, seat.webhook_secret):
            assert deliver(seat, made_up(), secret=secret).status_code == 200

    def test_a_secret_that_this_process_has_not_heard_of(
        self, app: Flask, seat: ProjectSeat, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Another process took the PUT a moment ago: the first event finds the new secret."""
        fresh = signing_secret()
        assert deliver(seat, made_up()).status_code == 200
        kept = dict(app.extensions["payments.webhook_secrets"])
        store_keys(seat.developer, seat.project_id, test_webhook_secret=fresh)
        app.extensions["payments.webhook_secrets"].update(kept)
        assert deliver(seat, made_up(), secret=fresh).status_code == 200


class TestHotPath:
    def test_one_statement_to_the_database(self, app: Flask, seat: ProjectSeat) -> None:
        """The secrets are kept in the process: what is left is one INSERT."""
        deliver(seat, made_up())
        sent: list[str] = []

        def note(_conn, _cursor, statement, *_rest) -> None:
            sent.append(statement)

        with app.app_context():
            engine = db.engine
        sa_event.listen(engine, "before_cursor_execute", note)
        try:
            assert deliver(seat, made_up("account.updated")).status_code == 200
            inserts = [s for s in sent if "INSERT INTO webhook_events" in s]
            assert len(inserts) == 1
            assert [s for s in sent if "stripe_credentials" in s] == []
        finally:
            sa_event.remove(engine, "before_cursor_execute", note)

    def test_many_events_are_one_call_to_the_worker(
        self, context: Flask, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sent: list[str] = []
        monkeypatch.setattr(wake.jobs, "enqueue", lambda name: bool(sent.append(name)) or True)
        wake.heard()
        for _ in range(5):
            wake.wake()
        assert len(sent) == 1
        wake.heard()
        wake.wake()
        assert len(sent) == 2
        wake.heard()

    def test_a_call_that_nobody_took_is_made_again(
        self, context: Flask, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(wake.jobs, "enqueue", lambda _name: False)
        wake.heard()
        wake.wake()
        assert redis().exists(wake._CALLED) == 0

    def test_without_redis_it_is_stored_all_the_same(
        self, app: Flask, seat: ProjectSeat, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def down() -> None:
            raise wake.RedisError("down")

        event = made_up()
        monkeypatch.setattr(wake, "redis", down)
        assert deliver(seat, event).status_code == 200
        wake.heard()
        with app.app_context():
            query = sa.select(WebhookEvent.state).where(WebhookEvent.event_id == event["id"])
            assert db.session.scalar(query) == "received"
