"""Metrics of disputes: how many are open, when the first answer is due, and how they ended."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from prometheus_client.core import GaugeMetricFamily

from payments.kit.db import db
from payments.workspaces.models import Dispute
from payments.workspaces.models.disputes import CHARGEBACK, FINAL, INQUIRY

_IS_OPEN = Dispute.closed_at.is_(None)
_KINDS = {CHARGEBACK: Dispute.is_inquiry.is_(False), INQUIRY: Dispute.is_inquiry.is_(True)}


def collect_disputes() -> Iterator[GaugeMetricFamily]:
    """Yield one gauge a question; each line stands even when there is nothing to count."""
    found = {kind: _count(_IS_OPEN, of_kind) for kind, of_kind in _KINDS.items()}
    yield _gauge("open", "Disputes whose outcome is still to come", "kind", found)
    text = "When the first answer to an open dispute is due, in seconds since 1970; 0 when none is"
    yield _gauge("earliest_response_due_seconds", text, "kind", _earliest())
    text = "Disputes that are over, by Stripe's status"
    closed = {status: _count(Dispute.status == status) for status in FINAL}
    yield _gauge("closed", text, "status", closed)


def _earliest() -> dict[str, int]:
    return {kind: _due(of_kind) for kind, of_kind in _KINDS.items()}


def _due(of_kind: sa.ColumnElement[bool]) -> int:
    due = Dispute.response_due_at
    waits = Dispute.status.endswith("needs_response", autoescape=True)
    query = sa.select(sa.func.min(due, type_=due.type)).where(_IS_OPEN, of_kind, waits)
    first = db.session.scalar(query)
    return 0 if first is None else int(first.timestamp())


def _count(*conditions: sa.ColumnElement[bool]) -> int:
    query = sa.select(sa.func.count()).select_from(Dispute).where(*conditions)
    return db.session.scalars(query).one()


def _gauge(name: str, text: str, label: str, found: dict[str, int]) -> GaugeMetricFamily:
    gauge = GaugeMetricFamily(f"payments_disputes_{name}", text, labels=[label])
    for value, number in found.items():
        gauge.add_metric([value], number)
    return gauge
