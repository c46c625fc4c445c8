"""Health, readiness, metrics, and the documentation of the API."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from openapi_spec_validator import validate
from prometheus_client.parser import text_string_to_metric_families
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy.exc import OperationalError

from payments.config import Settings
from payments.invoices.models import Invoice, InvoiceDocument
from payments.kit import clock
from payments.kit.db import db
from payments.kit.transactions import transaction
from payments.pages import readiness
from payments.webhooks.models import WebhookEvent
from payments.workspaces.models import Charge, Refund
from tests.support.apps import another_app
from tests.support.people import sign_up
from worker import reconciliation

METHODS = {"get", "post", "put", "patch", "delete"}


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
    def test_the_pages_are_not_counted(self, client: FlaskClient, redis: Redis, path: str) -> None:
        redis.delete(*redis.keys("LIMIT*"), "LIMIT")
        client.get(path)
        assert redis.keys("LIMIT*") == []
        client.get("/api/pricing-plans")
        assert redis.keys("LIMIT*") != []


class TestReadiness:
    def test_everything_works(self, client: FlaskClient, heartbeat: None) -> None:
        answer = client.get("/readyz")
        assert answer.status_code == 200
        parts = dict.fromkeys(("database", "migrations", "redis", "worker"), "ok")
        assert answer.json == {"status": "ready", "parts": parts}

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
        assert (parts["redis"], parts["worker"]) == ("unreachable", "unknown")
        assert parts["database"] == "ok"

    def test_no_database(
        self, client: FlaskClient, heartbeat: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: Any) -> None:
            raise OperationalError("SELECT 1", {}, OSError("refused at 10.0.0.1"))

        monkeypatch.setattr(db.session, "execute", refuse)
        monkeypatch.setattr(db.session, "connection", refuse)
        answer = client.get("/readyz")
        assert answer.status_code == 503
        parts = answer.json["parts"]
        assert (parts["database"], parts["migrations"]) == ("unreachable", "unknown")
        assert "10.0.0.1" not in answer.text

    def test_a_migration_is_missing(
        self, client: FlaskClient, heartbeat: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(readiness, "_heads", lambda folder: frozenset({"9999"}))
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json["parts"]["migrations"] == "not at head"


def scraped(client: FlaskClient) -> dict[tuple[str, str], float]:
    """Return every sample as (name, value of its label) -> number."""
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain; version=")
    families = text_string_to_metric_families(answer.text)
    samples = (sample for family in families for sample in family.samples)
    return {(s.name, next(iter(s.labels.values()), "")): s.value for s in samples}


class Work:
    """Makes rows of work directly, as they would stand in a database, and takes them away."""

    def __init__(self, client: FlaskClient) -> None:
        self.person = sign_up(client)
        self.made: list[tuple[type, int]] = []

    def add(self, row: Any) -> Any:
        with transaction() as session:
            session.add(row)
        self.made.append((type(row), row.id))
        return row

    def invoice(self, **values: Any) -> Invoice:
        number = f"TEST-{uuid4()}"
        standard = {
            "workspace_id": self.person.home.id,
            "invoice_number": number,
            "type": "plan_upgrade",
            "amount_minor": 999,
            "currency": "usd",
            "description": "x",
            "plan_id": 2,
            "plan_name": "Starter",
            "plan_slug": "starter",
            "plan_period": "month",
        }
        return self.add(Invoice(**{**standard, **values}))

    def charge(self, **values: Any) -> Charge:
        standard = {
            "workspace_id": self.person.home.id,
            "requested_by": self.person.id,
            "plan_id": 2,
            "invoice_id": self.invoice().id,
            "stripe_payment_method_id": "pm_1",
            "amount_minor": 999,
            "currency": "usd",
            "leased_until": clock.now() + timedelta(minutes=5),
        }
        return self.add(Charge(**{**standard, **values}))

    def refund(self, charge: Charge, **values: Any) -> Refund:
        standard = {
            "workspace_id": self.person.home.id,
            "charge_id": charge.id,
            "invoice_id": charge.invoice_id,
            "amount_minor": 1,
            "currency": "usd",
        }
        return self.add(Refund(**{**standard, **values}))

    def event(self, **values: Any) -> WebhookEvent:
        standard = {
            "owner": "platform",
            "mode": "test",
            "event_id": f"evt_{uuid4()}",
            "type": "x",
            "created": 1,
            "payload": "{}",
        }
        return self.add(WebhookEvent(**{**standard, **values}))

    def document(self, **values: Any) -> InvoiceDocument:
        return self.add(InvoiceDocument(**{"invoice_id": self.invoice().id, **values}))

    def clear(self) -> None:
        with transaction() as session:
            for model, row_id in reversed(self.made):
                session.execute(sa.delete(model).where(model.id == row_id))


@pytest.fixture
def work(context: Flask, client: FlaskClient) -> Iterator[Work]:
    made = Work(client)
    yield made
    made.clear()


class TestMetrics:
    def rise(self, client: FlaskClient, before: dict, name: str, label: str = "") -> float:
        key = (f"payments_{name}", label)
        return scraped(client)[key] - before[key]

    def test_every_line_stands_though_nothing_counts(self, client: FlaskClient) -> None:
        names = {
            ("payments_charges_open", "pending"), ("payments_charges_open", "requires_action"),
            ("payments_due_rows", "charges"), ("payments_due_rows", "refunds"),
            ("payments_due_rows", "webhook_events"), ("payments_due_rows", "invoice_documents"),
            ("payments_webhook_events_dead", ""), ("payments_invoices_today", "pending"),
            ("payments_invoices_today", "paid"), ("payments_invoices_today", "failed"),
            ("payments_invoices_today", "refunded"),
        }  # fmt: skip
        assert set(scraped(client)) == names

    @pytest.mark.parametrize("status", ["pending", "requires_action"])
    def test_open_charges(self, client: FlaskClient, work: Work, status: str) -> None:
        before = scraped(client)
        work.charge(status=status)
        assert self.rise(client, before, "charges_open", status) == 1

    def test_settled_charges_are_not_open(self, client: FlaskClient, work: Work) -> None:
        before = scraped(client)
        work.charge(status="succeeded")
        assert self.rise(client, before, "charges_open", "pending") == 0

    def test_due_charges(self, client: FlaskClient, work: Work) -> None:
        before = scraped(client)
        charge = work.charge()  # held by a worker
        assert self.rise(client, before, "due_rows", "charges") == 0
        with transaction():
            charge.leased_until = clock.now() - timedelta(seconds=1)
        assert self.rise(client, before, "due_rows", "charges") == 1
        with transaction():
            charge.due_at = clock.now() + timedelta(minutes=5)
        assert self.rise(client, before, "due_rows", "charges") == 0

    def test_due_refunds(self, client: FlaskClient, work: Work) -> None:
        before = scraped(client)
        charge = work.charge(status="succeeded")
        later = clock.now() + timedelta(minutes=5)
        work.refund(charge, leased_until=later)
        work.refund(charge, due_at=later)
        work.refund(charge, status="succeeded")
        assert self.rise(client, before, "due_rows", "refunds") == 0
        work.refund(charge, leased_until=None, due_at=clock.now() - timedelta(seconds=1))
        assert self.rise(client, before, "due_rows", "refunds") == 1

    def test_events(self, client: FlaskClient, work: Work) -> None:
        before = scraped(client)
        work.event(state="processed")
        work.event(state="dead")
        work.event(state="failed", due_at=clock.now() + timedelta(hours=1))
        assert self.rise(client, before, "due_rows", "webhook_events") == 0
        assert self.rise(client, before, "webhook_events_dead") == 1
        work.event(state="failed")
        work.event(state="received")
        assert self.rise(client, before, "due_rows", "webhook_events") == 2

    def test_documents(self, client: FlaskClient, work: Work) -> None:
        before = scraped(client)
        work.document(state="stored")
        assert self.rise(client, before, "due_rows", "invoice_documents") == 0
        work.document(state="pending", due_at=clock.now() - timedelta(seconds=1))
        assert self.rise(client, before, "due_rows", "invoice_documents") == 1

    def test_invoices_of_today(self, client: FlaskClient, work: Work) -> None:
        before = scraped(client)
        work.invoice(status="paid")
        work.invoice(status="paid", created_at=clock.now() - timedelta(days=1, seconds=1))
        work.invoice(status="failed")
        assert self.rise(client, before, "invoices_today", "paid") == 1
        assert self.rise(client, before, "invoices_today", "failed") == 1
        assert self.rise(client, before, "invoices_today", "pending") == 0

    def test_today_begins_at_midnight_of_the_invoices_zone(
        self, settings: Settings, work: Work, client: FlaskClient
    ) -> None:
        # 13:30 of the 4th in UTC is 00:30 of the 5th in Auckland, an hour and a half before noon.
        moment = datetime(2031, 3, 4, 13, 30, tzinfo=UTC)
        zoned = another_app(settings, invoice_timezone="Pacific/Auckland")
        with zoned as app, clock.frozen(moment):
            there = app.test_client()
            here_before, there_before = scraped(client), scraped(there)
            work.invoice(status="paid", created_at=datetime(2031, 3, 4, 10, 30, tzinfo=UTC))
            assert self.rise(client, here_before, "invoices_today", "paid") == 1
            assert self.rise(there, there_before, "invoices_today", "paid") == 0
            work.invoice(status="paid", created_at=datetime(2031, 3, 4, 11, 30, tzinfo=UTC))
            assert self.rise(there, there_before, "invoices_today", "paid") == 1

    def test_two_apps_do_not_share_a_registry(self, settings: Settings, app: Flask) -> None:
        with another_app(settings) as other:
            assert other.extensions["payments.metrics"] is not app.extensions["payments.metrics"]
            assert scraped(other.test_client())

    def test_no_name_of_anybody(self, client: FlaskClient, work: Work) -> None:
        work.invoice(description="Olivia's secret")
        text = client.get("/metrics").text
        assert "Olivia" not in text
        assert work.person.email not in text


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


def operations(client: FlaskClient) -> dict[str, dict[str, Any]]:
    """Return the operations of the workspaces room's own nouns by "METHOD /path"."""
    paths = client.get("/openapi.json").json["paths"]
    return {
        f"{method.upper()} {path}": operation
        for path, methods in paths.items()
        for method, operation in methods.items()
        if method in METHODS and path.startswith(("/api/auth", "/api/workspaces", "/api/pricing"))
    }


class TestOpenApi:
    def test_the_document_is_valid(self, client: FlaskClient) -> None:
        document = client.get("/openapi.json").json
        assert document["openapi"] == "3.1.0"
        validate(document)

    def test_the_same_document_from_a_second_app(
        self, settings: Settings, client: FlaskClient
    ) -> None:
        first = client.get("/openapi.json").json
        with another_app(settings) as other:
            assert other.test_client().get("/openapi.json").json == first

    def test_our_operations_are_all_there(self, client: FlaskClient) -> None:
        assert set(operations(client)) == {
            "POST /api/auth/signup", "POST /api/auth/login", "POST /api/auth/refresh",
            "GET /api/auth/me", "GET /api/workspaces", "POST /api/workspaces",
            "GET /api/workspaces/check-name", "GET /api/workspaces/{slug}",
            "PATCH /api/workspaces/{slug}", "GET /api/workspaces/{slug}/members",
            "POST /api/workspaces/{slug}/members", "PATCH /api/workspaces/{slug}/members/{user_id}",
            "DELETE /api/workspaces/{slug}/members/{user_id}", "GET /api/pricing-plans",
            "GET /api/pricing-plans/{slug}",
        }  # fmt: skip

    def test_every_operation_has_a_summary_a_tag_and_its_errors(self, client: FlaskClient) -> None:
        for name, operation in operations(client).items():
            assert operation["summary"], name
            assert len(operation["tags"]) == 1, name
            assert {"200", "429", "503"} <= set(operation["responses"]), name
            assert not {"default", "422"} & set(operation["responses"]), name

    def test_errors_have_the_dialects_body(self, client: FlaskClient) -> None:
        for name, operation in operations(client).items():
            for status, response in operation["responses"].items():
                if status != "200":
                    schema = response["content"]["application/json"]["schema"]
                    assert schema == {"$ref": "#/components/schemas/Error"}, (name, status)
        error = client.get("/openapi.json").json["components"]["schemas"]["Error"]
        assert set(error["required"]) == {"message", "error", "code"}

    def test_only_public_operations_need_no_token(self, client: FlaskClient) -> None:
        document = client.get("/openapi.json").json
        assert document["security"] == [{"bearerAuth": []}]
        public = {
            n for n, operation in operations(client).items() if operation.get("security") == []
        }
        assert public == {
            "POST /api/auth/signup", "POST /api/auth/login", "GET /api/pricing-plans",
            "GET /api/pricing-plans/{slug}",
        }  # fmt: skip
        for name, operation in operations(client).items():
            assert (name in public) or "401" in operation["responses"], name

    def test_whoever_looks_up_a_workspace_may_fail_in_four_ways(self, client: FlaskClient) -> None:
        for name, operation in operations(client).items():
            if "/api/workspaces/{slug}" in name:
                assert {"400", "401", "403", "404"} <= set(operation["responses"]), name

    def test_lengths_and_moments_are_told(self, client: FlaskClient) -> None:
        schemas = client.get("/openapi.json").json["components"]["schemas"]
        name = schemas["CreateWorkspace"]["properties"]["name"]
        assert (name["minLength"], name["maxLength"]) == (1, 100)
        made = schemas["OwnWorkspace"]["properties"]["createdAt"]
        assert (made["type"], made["format"]) == ("string", "date-time")
