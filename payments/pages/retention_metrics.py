"""Metrics of what is kept and for how long: rows that were pruned, the oldest payload."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from payments.retention.counts import read_pruned
from payments.retention.payloads import find_oldest_payload
from payments.retention.prune import RULES


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
