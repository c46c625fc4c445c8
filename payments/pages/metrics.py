"""`/metrics` for Prometheus: counted in the database, so that any of many processes may answer."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa
from flask import Response, current_app, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from payments import sealed_texts
from payments.extensions import settings
from payments.invoices import documents
from payments.invoices.models import Invoice, InvoiceDayProof, InvoiceDocument
from payments.kit import clock, leases
from payments.kit.db import db
from payments.kit.errors import Missing, Unauthorized
from payments.pages.dispute_metrics import collect_disputes
from payments.pages.exposition import Exposition
from payments.pages.retention_metrics import collect_retention
from payments.pages.run_metrics import run_gauges
from payments.projects.models import Subscription
from payments.runs.models import IS_OPEN, ReconciliationRun
from payments.webhooks import tally
from payments.webhooks.models import DEAD, PLATFORM, WAITING, WebhookEvent
from payments.workspaces.models import Charge, Refund, StripeAnomaly
from payments.workspaces.models.anomalies import KINDS
from payments.workspaces.models.charges import ATTENTION, OPEN, PENDING

# Every status is told even when nothing has it: a line that vanishes raises no alarm.
INVOICE_STATUSES = ("pending", "paid", "failed", "refunded")


def metrics() -> Response:
    """Return the numbers in Prometheus' text form, a few seconds old at most.

    Unauthorized without the token that is set; in production without one there is no such page.
    """
    _demand_token()
    exposition: Exposition = current_app.extensions["payments.metrics"]
    return Response(exposition.read(), content_type=CONTENT_TYPE_LATEST)


def _demand_token() -> None:
    token = settings().metrics_token
    if token is None:
        if settings().production:
            raise Missing
        return
    given = request.headers.get("Authorization", "")
    if not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
        raise Unauthorized(headers={"WWW-Authenticate": "Bearer"})


def new_registry() -> CollectorRegistry:
    """Make the registry of one app; the library's global one stays unused."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(DatabaseCollector())
    return registry


class DatabaseCollector(Collector):
    """Asks the database at every call and keeps nothing in between."""

    def describe(self) -> list[GaugeMetricFamily]:
        """Return nothing: without this, registering would already ask the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        yield _open_charges()
        yield _due_rows()
        yield _throttled_rows()
        yield _needs_attention()
        yield _stripe_anomalies()
        yield _dead_events()
        yield _dead_documents()
        yield _refused_events()
        yield _invoices_of_today()
        yield from run_gauges()
        yield _faulty_days()
        yield _last_closed_day()
        yield _second_subscriptions()
        yield _unreadable_secrets()
        yield from collect_disputes()
        yield from collect_retention()


def _open_charges() -> GaugeMetricFamily:
    found = _counts(Charge.status, Charge.status.in_(OPEN))
    return _gauge("charges_open", "Charges that are not settled yet", "status", found, OPEN)


def _due_rows() -> GaugeMetricFamily:
    found = {
        "charges": _due(Charge, Charge.status == PENDING),
        "refunds": _due(Refund, Refund.status == PENDING),
        "webhook_events": _due(WebhookEvent, WebhookEvent.state.in_(WAITING)),
        "invoice_documents": _due(InvoiceDocument, InvoiceDocument.state.in_(documents.WAITING)),
        "reconciliation_runs": _due(ReconciliationRun, IS_OPEN),
    }
    return _gauge("due_rows", "Rows of work that wait for a worker", "table", found, tuple(found))


def _throttled_rows() -> GaugeMetricFamily:
    found = {
        "charges": _count(Charge, Charge.status.in_(OPEN), Charge.throttled > 0),
        "refunds": _count(Refund, Refund.status == PENDING, Refund.throttled > 0),
        "webhook_events": _count(
            WebhookEvent, WebhookEvent.state.in_(WAITING), WebhookEvent.throttled > 0
        ),
    }
    text = "Rows of work that Stripe had no room or no answer for, when they were tried last"
    return _gauge("throttled_rows", text, "table", found, tuple(found))


def _needs_attention() -> GaugeMetricFamily:
    found = {
        "charges": _count(Charge, ATTENTION),
        "refunds": _count(Refund, ATTENTION),
    }
    text = "Charges and refunds that a person has to look at"
    return _gauge("needs_attention", text, "table", found, tuple(found))


def _stripe_anomalies() -> GaugeMetricFamily:
    found = _counts(StripeAnomaly.kind, StripeAnomaly.resolved_at.is_(None))
    text = "Payments at Stripe that settle nothing here and wait to be refunded or dismissed"
    return _gauge("stripe_anomalies", text, "kind", found, KINDS)


def _dead_events() -> GaugeMetricFamily:
    owner = sa.case((WebhookEvent.owner == PLATFORM, PLATFORM), else_="projects")
    found = _counts(owner, WebhookEvent.state == DEAD)
    text = "Webhook events that were given up after many tries"
    return _gauge("webhook_events_dead", text, "owner", found, (PLATFORM, "projects"))


def _dead_documents() -> GaugeMetricFamily:
    number = _count(InvoiceDocument, InvoiceDocument.state == DEAD)
    text = "PDFs that were given up after many tries"
    return GaugeMetricFamily("payments_invoice_documents_dead", text, value=number)


def _refused_events() -> CounterMetricFamily:
    text = "Deliveries of events that were refused; skew means that a clock is wrong"
    counter = CounterMetricFamily("payments_webhook_events_refused", text, labels=["reason"])
    for reason, number in tally.refused().items():
        counter.add_metric([reason], number)
    return counter


def _second_subscriptions() -> GaugeMetricFamily:
    number = _count(Subscription, ATTENTION)
    text = "Live subscriptions beside another one of the same end user"
    return GaugeMetricFamily("payments_subscriptions_duplicate", text, value=number)


def _unreadable_secrets() -> GaugeMetricFamily:
    found = sealed_texts.count_unreadable_samples()
    text = "Texts in the first and last sealed row that open with no key of CREDENTIALS_KEYS"
    return _gauge("unreadable_secrets", text, "table", found, tuple(found))


def _invoices_of_today() -> GaugeMetricFamily:
    first, end = _today()
    found = _counts(Invoice.status, Invoice.created_at >= first, Invoice.created_at < end)
    text = "Invoices made today, in the zone of the invoices' numbers"
    return _gauge("invoices_today", text, "status", found, INVOICE_STATUSES)


def _today() -> tuple[datetime, datetime]:
    zone = settings().invoice_timezone
    day = clock.today(zone)
    # Each end by its own midnight: a day of a changing clock has 23 or 25 hours.
    return clock.midnight(day, zone), clock.midnight(day + timedelta(days=1), zone)


def _faulty_days() -> GaugeMetricFamily:
    faults = {"gaps": InvoiceDayProof.gaps, "duplicates": InvoiceDayProof.duplicates}
    found = {
        name: _count(InvoiceDayProof, sa.func.json_array_length(column) > 0)
        for name, column in faults.items()
    }
    text = "Closed days whose invoice numbers are not whole"
    return _gauge("invoice_days_faulty", text, "fault", found, tuple(faults))


def _last_closed_day() -> GaugeMetricFamily:
    day = db.session.scalar(sa.select(sa.func.max(InvoiceDayProof.day)))
    moment = int(datetime.combine(day, time(), UTC).timestamp()) if day else 0
    text = "The last day whose invoice numbers are proven (its date at 00:00 UTC; 0: none yet)"
    return GaugeMetricFamily("payments_invoice_last_closed_day_seconds", text, value=moment)


def _due(model: Any, in_state: sa.ColumnElement[bool] | sa.TextClause) -> int:
    return _count(model, in_state, leases.free(model))


def _count(model: Any, *conditions: sa.ColumnElement[bool] | sa.TextClause) -> int:
    return db.session.scalars(
        sa.select(sa.func.count()).select_from(model).where(*conditions)
    ).one()


def _counts(column: Any, *conditions: sa.ColumnElement[bool]) -> dict[str, int]:
    query = sa.select(column, sa.func.count()).where(*conditions).group_by(column)
    return {value: number for value, number in db.session.execute(query)}  # noqa: C416 - rows


def _gauge(
    name: str, text: str, label: str, found: dict[str, int], values: tuple[str, ...]
) -> GaugeMetricFamily:
    gauge = GaugeMetricFamily(f"payments_{name}", text, labels=[label])
    for value in values:
        gauge.add_metric([value], found.get(value, 0))
    return gauge
