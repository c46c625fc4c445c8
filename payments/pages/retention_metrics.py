"""Metrics of what is kept and for how long: rows that were pruned, the oldest payload."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from payments.kit.db import db
from payments.retention.counts import read_pruned
from payments.retention.payloads import find_oldest_payload
from payments.retention.prune import RULES
from payments.webhooks import storage
from payments.webhooks.models import PLATFORM, EventStorage


def collect_retention() -> Iterator[Metric]:
    """Yield how many rows were pruned, and since when payloads of handled events are kept."""
    text = "Rows that were deleted, and payloads that were dropped, because their time was over"
    pruned = CounterMetricFamily("payments_retention_pruned", text, labels=["table"])
    for table, rows in read_pruned(tuple(RULES)).items():
        pruned.add_metric([table], rows)
    yield pruned
    oldest = find_oldest_payload()
    text = "When the event with the oldest payload was handled, in seconds since 1970; 0 for none"
    moment = 0 if oldest is None else int(oldest.timestamp())
    yield GaugeMetricFamily("payments_webhook_oldest_payload_seconds", text, value=moment)
    yield from _collect_storage()


def _collect_storage() -> Iterator[Metric]:
    total = sa.func.coalesce(sa.func.sum(EventStorage.bytes), 0)
    ours = int(db.session.scalar(sa.select(total).where(EventStorage.owner == PLATFORM)) or 0)
    text = "Bytes of payloads of events that are stored"
    stored = GaugeMetricFamily("payments_webhook_stored_bytes", text, labels=["owner"])
    stored.add_metric([PLATFORM], ours)
    stored.add_metric(["projects"], int(db.session.scalar(sa.select(total)) or 0) - ours)
    yield stored
    quota = storage.get_quota("any project")
    full = 0 if quota is None else len(storage.list_owners_beyond(quota * 9 // 10))
    text = "Projects that have used nine tenths of their quota of stored events, or more"
    yield GaugeMetricFamily("payments_webhook_projects_near_quota", text, value=full)
