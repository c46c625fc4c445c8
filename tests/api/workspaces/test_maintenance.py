"""Maintenance mode closes the API before anything else and leaves the watchers' pages open."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from payments.config import Settings
from payments.kit.db import db
from tests.support.apps import another_app
from tests.support.people import as_json, fresh_email, sign_up


@pytest.fixture(scope="module")
def shut(app: Flask, worker: None, settings: Settings) -> Iterator[Flask]:
    """The same service, closed for maintenance."""
    with another_app(settings, maintenance_mode=True) as made:
        yield made


@pytest.fixture
def closed(shut: Flask) -> FlaskClient:
    return shut.test_client()


class TestClosed:
    @pytest.mark.parametrize(
        "path",
        [
            "/api", "/api/", "/api/pricing-plans", "/api/workspaces", "/api/auth/login",
            "/api/payments/webhook", "/api/payments/acme/invoices", "/api/no-such-path",
            "/api/workspaces/NOT%20A%20SLUG", "/api/%00",
        ],
    )  # fmt: skip
    @pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
    def test_every_path_of_the_api(self, closed: FlaskClient, method: str, path: str) -> None:
        answer = closed.open(path, method=method)
        assert answer.status_code == 503
        assert answer.json["code"] == "maintenance"
        assert answer.json["message"] == answer.json["error"]
        assert answer.headers["Retry-After"] == "120"

    def test_before_the_token_and_the_body(self, closed: FlaskClient) -> None:
        body = {"data": b"{", "content_type": "application/json"}
        headers = {"Authorization": "Bearer nonsense"}
        assert closed.post("/api/workspaces", headers=headers, **body).status_code == 503

    def test_a_true_token_opens_nothing(self, closed: FlaskClient, client: FlaskClient) -> None:
        ann = sign_up(client)
        assert closed.get("/api/workspaces", headers=ann.headers).status_code == 503

    def test_nothing_is_stored(self, closed: FlaskClient, client: FlaskClient) -> None:
        body = {"email": fresh_email(), "password": "long enough for it", "name": "Ann"}
        assert closed.post("/api/auth/signup", **as_json(body)).status_code == 503
        assert client.post("/api/auth/login", **as_json(body)).status_code == 401

    def test_nothing_is_counted(self, closed: FlaskClient, app: Flask) -> None:
        redis = app.extensions["payments.redis"]
        redis.delete("LIMIT", *redis.keys("LIMIT*"))
        closed.get("/api/pricing-plans")
        assert redis.keys("LIMIT*") == []

    def test_no_database_is_asked(
        self, closed: FlaskClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(db.session, "execute", pytest.fail)
        monkeypatch.setattr(db.session, "scalars", pytest.fail)
        assert closed.get("/api/pricing-plans").status_code == 503

    def test_the_other_dialect(self, closed: FlaskClient) -> None:
        answer = closed.get("/api/v1/projects")
        assert answer.status_code == 503
        assert set(answer.json) == {"detail"}
        assert answer.headers["Retry-After"] == "120"

    @pytest.mark.parametrize("path", ["/healthz", "/metrics", "/docs", "/openapi.json"])
    def test_the_pages_stay_open(self, closed: FlaskClient, path: str) -> None:
        assert closed.get(path).status_code == 200

    def test_readiness_is_about_the_parts(self, closed: FlaskClient) -> None:
        assert closed.get("/readyz").json["parts"]["database"] == "ok"

    def test_a_path_that_only_begins_alike(self, closed: FlaskClient) -> None:
        assert closed.get("/apiary").status_code == 404


class TestOpen:
    def test_by_default_the_api_is_open(self, app: Flask, client: FlaskClient) -> None:
        assert client.get("/api/pricing-plans").status_code == 200
        assert client.get("/api/workspaces").status_code == 401
