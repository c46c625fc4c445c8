"""Metrics of the reconciliation: when the last good look ended, and how many went wrong."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import sqlalchemy as sa
from prometheus_client.core import GaugeMetricFamily

from payments.kit import clock
from payments.kit.db import db
from payments.runs.models import FAILED, KINDS, SUCCEEDED, ReconciliationRun

_DAY = timedelta(days=1)


def run_gauges() -> Iterator[GaugeMetricFamily]:
    """Return one gauge a question, with a line for each kind of run."""
    text = "When a run of this kind last succeeded, in seconds since 1970; 0 when none ever did"
    yield _gauge("last_success_seconds", text, {kind: _last(kind) for kind in KINDS})
    text = "Runs of this kind that failed within a day"
    yield _gauge("failed_runs", text, {kind: _failed(kind) for kind in KINDS})


def _last(kind: str) -> int:
    run = ReconciliationRun
    query = sa.select(sa.func.max(run.finished_at, type_=run.finished_at.type))
    last = db.session.scalar(query.where(run.kind == kind, run.state == SUCCEEDED))
    return 0 if last is None else int(last.timestamp())


def _failed(kind: str) -> int:
    run = ReconciliationRun
    since = clock.now() - _DAY
    query = sa.select(sa.func.count()).where(
        run.kind == kind, run.state == FAILED, run.finished_at > since
    )
    return db.session.scalars(query).one()


def _gauge(name: str, text: str, found: dict[str, int]) -> GaugeMetricFamily:
    gauge = GaugeMetricFamily(f"payments_reconciliation_{name}", text, labels=["kind"])
    for kind, number in found.items():
        gauge.add_metric([kind], number)
    return gauge
