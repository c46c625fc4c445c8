"""Health, readiness, and the page that documents the API."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy.exc import OperationalError

from payments.config import Settings
from payments.kit.db import db
from payments.pages import readiness
from tests.support.apps import another_app
from worker import reconciliation


@pytest.fixture
def redis(app: Flask) -> Redis:
    return app.extensions["payments.redis"]


@pytest.fixture
def heartbeat(redis: Redis) -> Iterator[None]:
    redis.set(readiness.HEARTBEAT_KEY, "alive", ex=readiness.HEARTBEAT_SECONDS)
    yield
    redis.delete(readiness.HEARTBEAT_KEY)


class TestHealth:
    def test_the_process_is_alive(self, client: FlaskClient) -> None:
        answer = client.get("/healthz")
        assert (answer.status_code, answer.json) == (200, {"status": "ok"})
        assert answer.headers["Cache-Control"] == "no-store"

    def test_it_asks_nothing_else(
        self, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(readiness, "parts", pytest.fail)
        monkeypatch.setattr(db.session, "execute", pytest.fail)
        assert client.get("/healthz").status_code == 200

    @pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/docs", "/docs/page.css"])
    def test_the_pages_are_not_counted(self, settings: Settings, redis: Redis, path: str) -> None:
        redis.delete(*redis.keys("LIMIT*"), "LIMIT")
        # The limiter of a process counts where the app that was made last says.
        with another_app(settings) as app:
            app.test_client().get(path)
            assert redis.keys("LIMIT*") == []
            app.test_client().get("/api/pricing-plans")
            assert redis.keys("LIMIT*") != []


class TestReadiness:
    def test_everything_works(self, client: FlaskClient, heartbeat: None) -> None:
        answer = client.get("/readyz")
        assert answer.status_code == 200
        names = ("database", "migrations", "plans", "credentials", "redis", "worker")
        assert answer.json == {"status": "ready", "parts": dict.fromkeys(names, "ok")}

    def test_no_plan_to_sign_up_with(
        self, client: FlaskClient, heartbeat: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(readiness, "find_free_plan", lambda: None)
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json["parts"]["plans"]) == (503, "missing")

    def test_a_sealed_row_that_no_key_opens(
        self, app: Flask, client: FlaskClient, heartbeat: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(readiness, "SAMPLED_FOR", 0)
        app.extensions.pop(readiness._SAMPLE, None)
        found = {"stripe_credentials": 1}
        monkeypatch.setattr(readiness.sealed_texts, "count_unreadable_samples", lambda: found)
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json["parts"]["credentials"]) == (503, "unreadable")
        found.clear()
        assert client.get("/readyz").json["parts"]["credentials"] == "ok"

    def test_no_worker(self, client: FlaskClient, redis: Redis) -> None:
        redis.delete(readiness.HEARTBEAT_KEY)
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json["status"]) == (503, "not ready")
        assert answer.json["parts"]["worker"] == "no heartbeat"
        assert answer.json["parts"]["database"] == "ok"

    def test_a_mark_that_never_lapses_is_not_a_workers(
        self, client: FlaskClient, redis: Redis, heartbeat: None
    ) -> None:
        redis.persist(readiness.HEARTBEAT_KEY)
        assert client.get("/readyz").json["parts"]["worker"] == "no heartbeat"

    def test_the_worker_leaves_the_same_mark(self) -> None:
        assert reconciliation.HEARTBEAT_KEY == readiness.HEARTBEAT_KEY
        assert reconciliation.HEARTBEAT_SECONDS <= readiness.HEARTBEAT_SECONDS

    def test_no_redis(
        self, client: FlaskClient, redis: Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: Any) -> None:
            raise RedisError

        monkeypatch.setattr(redis, "ping", refuse)
        monkeypatch.setattr(redis, "ttl", refuse)
        answer = client.get("/readyz")
        assert answer.status_code == 503
        parts = answer.json["parts"]
        assert (parts["redis"], parts["worker"]) == ("unreachable: no connection", "unknown")
        assert parts["database"] == "ok"

    def test_no_database(
        self, client: FlaskClient, heartbeat: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: Any) -> None:
            raise OperationalError("SELECT 1", {}, OSError("refused at 10.0.0.1"))

        monkeypatch.setattr(db.session, "execute", refuse)
        monkeypatch.setattr(db.session, "scalars", refuse)
        monkeypatch.setattr(db.session, "connection", refuse)
        answer = client.get("/readyz")
        assert answer.status_code == 503
        parts = answer.json["parts"]
        assert (parts["database"], parts["migrations"]) == ("unreachable", "unknown")
        assert parts["plans"] == "unknown"
        assert "10.0.0.1" not in answer.text

    def test_a_migration_is_missing(
        self, client: FlaskClient, heartbeat: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(readiness, "_heads", lambda folder: frozenset({"9999"}))
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json["parts"]["migrations"] == "not at head"


class TestDocumentation:
    def test_the_page_loads_only_files_of_ours(self, client: FlaskClient) -> None:
        answer = client.get("/docs")
        assert answer.status_code == 200
        assert answer.mimetype == "text/html"
        addresses = re.findall(r'(?:src|href)="([^"]+)"', answer.text)
        assert len(addresses) >= 5
        for address in addresses:
            assert address.startswith("/")
            assert client.get(address, buffered=True).status_code == 200, address

    def test_no_inline_script(self, client: FlaskClient) -> None:
        answer = client.get("/docs")
        assert re.findall(r"<script[^>]*>([^<]*)</script>", answer.text) == ["", ""]
        policy = answer.headers["Content-Security-Policy"]
        assert "script-src 'self';" in policy
        assert "frame-ancestors 'none'" in policy

    def test_the_script_asks_for_nothing_remote(self, client: FlaskClient) -> None:
        script = client.get("/docs/page.js")
        assert script.mimetype == "text/javascript"
        assert 'url: "/openapi.json"' in script.text
        assert "validatorUrl: null" in script.text
        assert "http" not in script.text

    @pytest.mark.parametrize(
        "name", ["index.html", "..%2f..%2fconfig.py", "__init__.py", "nothing", "%00", "x" * 5000]
    )
    def test_other_files_stay_closed(self, client: FlaskClient, name: str) -> None:
        answer = client.get(f"/docs/{name}")
        assert (answer.status_code, answer.json["code"]) == (404, "not_found")
