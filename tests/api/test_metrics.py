"""Metrics: counted in the database at every scrape."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from payments.config import Settings
from payments.invoices.models import Invoice, InvoiceDocument
from payments.kit import clock
from payments.kit.transactions import transaction
from payments.webhooks.models import WebhookEvent
from payments.workspaces.models import Charge, Refund, StripeAnomaly
from payments.workspaces.models.anomalies import KINDS
from tests.support.apps import another_app
from tests.support.people import sign_up
from tests.support.processes import free_port
from tests.support.shop import Shop


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
        number = f"TEST-{uuid4().hex[:20]}"
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

    def anomaly(self, **values: Any) -> StripeAnomaly:
        standard = {
            "stripe_id": f"pi_{uuid4().hex}",
            "status": "succeeded",
            "amount_minor": 999,
            "currency": "usd",
            "reason": "x",
            "found_by": "test",
        }
        return self.add(StripeAnomaly(**{**standard, **values}))

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
            ("payments_webhook_events_dead", "platform"),
            ("payments_webhook_events_dead", "projects"),
            ("payments_throttled_rows", "charges"), ("payments_throttled_rows", "refunds"),
            ("payments_throttled_rows", "webhook_events"),
            ("payments_needs_attention", "charges"), ("payments_needs_attention", "refunds"),
            ("payments_stripe_anomalies", "duplicate"), ("payments_stripe_anomalies", "mismatch"),
            ("payments_stripe_anomalies", "unknown_row"),
            ("payments_stripe_anomalies", "disputed"),
            ("payments_invoice_documents_dead", ""),
            ("payments_webhook_events_refused_total", "skew"),
            ("payments_webhook_events_refused_total", "signature"),
            ("payments_webhook_events_refused_total", "body"),
            ("payments_invoices_today", "pending"),
            ("payments_invoices_today", "paid"), ("payments_invoices_today", "failed"),
            ("payments_invoices_today", "refunded"), ("payments_invoice_days_faulty", "gaps"),
            ("payments_invoice_days_faulty", "duplicates"),
            ("payments_invoice_last_closed_day_seconds", ""),
            ("payments_due_rows", "reconciliation_runs"),
            ("payments_reconciliation_last_success_seconds", "events"),
            ("payments_reconciliation_last_success_seconds", "objects"),
            ("payments_reconciliation_failed_runs", "events"),
            ("payments_reconciliation_failed_runs", "objects"),
            ("payments_subscriptions_duplicate", ""),
            ("payments_disputes_open", "chargeback"), ("payments_disputes_open", "inquiry"),
            ("payments_disputes_earliest_response_due_seconds", "chargeback"),
            ("payments_disputes_earliest_response_due_seconds", "inquiry"),
            ("payments_disputes_closed", "won"), ("payments_disputes_closed", "lost"),
            ("payments_disputes_closed", "prevented"),
            ("payments_disputes_closed", "warning_closed"),
            ("payments_retention_pruned_total", "webhook_payloads"),
            ("payments_retention_pruned_total", "timeline"),
            ("payments_retention_pruned_total", "checkout_sessions"),
            ("payments_retention_pruned_total", "login_sessions"),
            ("payments_webhook_oldest_payload_seconds", ""),
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
        assert self.rise(client, before, "webhook_events_dead", "platform") == 1
        assert self.rise(client, before, "webhook_events_dead", "projects") == 0
        work.event(state="dead", owner="a-project")
        assert self.rise(client, before, "webhook_events_dead", "projects") == 1
        work.event(state="failed")
        work.event(state="received")
        assert self.rise(client, before, "due_rows", "webhook_events") == 2

    def test_documents(self, client: FlaskClient, work: Work) -> None:
        before = scraped(client)
        work.document(state="stored")
        assert self.rise(client, before, "due_rows", "invoice_documents") == 0
        work.document(state="pending", due_at=clock.now() - timedelta(seconds=1))
        assert self.rise(client, before, "due_rows", "invoice_documents") == 1
        work.document(state="dead")
        assert self.rise(client, before, "invoice_documents_dead") == 1

    def test_what_a_person_has_to_look_at(self, client: FlaskClient, work: Work) -> None:
        before = scraped(client)
        charge = work.charge(needs_attention=True)
        work.refund(charge, needs_attention=True)
        work.refund(charge)
        assert self.rise(client, before, "needs_attention", "charges") == 1
        assert self.rise(client, before, "needs_attention", "refunds") == 1

    @pytest.mark.parametrize("kind", KINDS)
    def test_payments_that_settle_nothing_until_they_are_resolved(
        self, client: FlaskClient, work: Work, kind: str
    ) -> None:
        before = scraped(client)
        work.anomaly(kind=kind)
        work.anomaly(kind=kind, resolved_at=clock.now(), resolution="dismissed")
        assert self.rise(client, before, "stripe_anomalies", kind) == 1

    def test_rows_without_room(self, client: FlaskClient, work: Work) -> None:
        before = scraped(client)
        work.refund(work.charge(throttled=2), throttled=1)
        work.event(state="failed", throttled=1, due_at=clock.now() + timedelta(hours=1))
        work.event(state="processed", throttled=1)
        for table in ("charges", "refunds", "webhook_events"):
            assert self.rise(client, before, "throttled_rows", table) == 1

    @pytest.mark.parametrize(
        ("reason", "changes"),
        [
            ("skew", {"by": -600}),
            ("skew", {"by": 600}),
            ("signature", {"secret": "whsec_wrong"}),
            ("signature", {"secret": "whsec_wrong", "by": -600}),
            ("body", {}),
        ],
    )
    def test_refused_deliveries(
        self, shop: Shop, client: FlaskClient, caplog: Any, reason: str, changes: dict[str, Any]
    ) -> None:
        """By reason; a forged stamp is no skew, and a skew says how large it is."""
        before = scraped(client)
        payload = json.dumps({"id": "evt_1"})
        at = clock.timestamp() + changes.get("by", 0)
        headers = {"Stripe-Signature": shop.signature(payload, at=at, secret=changes.get("secret"))}
        answer = client.post("/api/payments/webhook", data=payload, headers=headers)
        assert answer.status_code == 400
        after = scraped(client)
        name = "payments_webhook_events_refused_total"
        risen = {r: after[name, r] - before[name, r] for r in ("skew", "signature", "body")}
        assert {r for r, number in risen.items() if number} == {reason}
        if reason == "skew":
            (line,) = [r for r in caplog.records if "was refused" in r.message]
            seconds = int(re.search(r"are (-?\d+) s apart", line.message)[1])
            assert (line.levelname, 590 < abs(seconds) < 630) == ("WARNING", True)

    def test_without_redis_everything_else_is_told(self, settings: Settings, work: Work) -> None:
        with another_app(settings, redis_url=f"redis://127.0.0.1:{free_port()}/0") as app:
            told = scraped(app.test_client())
        assert ("payments_due_rows", "charges") in told
        assert ("payments_webhook_events_refused_total", "skew") not in told

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
