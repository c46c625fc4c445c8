"""Metrics of the reconciliation."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from payments.kit import clock
from payments.pages import run_metrics
from payments.runs.models import OPEN, ReconciliationRun
from tests.api.test_metrics import scraped
from tests.support.runs import Runs

# After any other test's run: the last one that succeeded is then ours.
FAR = timedelta(days=3650)


@pytest.fixture
def runs(app: Flask) -> Iterator[Runs]:
    made = Runs(app, str(uuid4()))
    yield made
    made.write(sa.delete(ReconciliationRun).where(ReconciliationRun.owner == made.owner))


def ended(runs: Runs, kind: str, **values: object) -> None:
    run_id = runs.begin(kind)
    runs.change(ReconciliationRun.id == run_id, **values)


@pytest.mark.parametrize("kind", ["events", "objects"])
def test_the_last_good_run(client: FlaskClient, runs: Runs, kind: str) -> None:
    moment = clock.now() + FAR
    ended(runs, kind, state="succeeded", finished_at=moment - timedelta(seconds=90))
    ended(runs, kind, state="succeeded", finished_at=moment - timedelta(seconds=900))
    ended(runs, kind, state="failed", finished_at=moment)
    with clock.frozen(moment):
        last = scraped(client)["payments_reconciliation_last_success_seconds", kind]
    assert last == int((moment - timedelta(seconds=90)).timestamp())


def test_of_a_kind_that_never_succeeded(app: Flask) -> None:
    with app.app_context():
        assert run_metrics._last("nothing") == 0


def test_failed_runs_of_a_day(client: FlaskClient, runs: Runs) -> None:
    now = clock.now()
    before = scraped(client)
    ended(runs, "objects", state="failed", finished_at=now)
    ended(runs, "objects", state="failed", finished_at=now - timedelta(hours=25))
    ended(runs, "objects", state="succeeded", finished_at=now)
    name = ("payments_reconciliation_failed_runs", "objects")
    assert scraped(client)[name] - before[name] == 1


def test_runs_that_wait(client: FlaskClient, runs: Runs) -> None:
    name = ("payments_due_rows", "reconciliation_runs")
    before = scraped(client)[name]
    run_id = runs.begin("objects")
    assert scraped(client)[name] - before == 1
    later = clock.now() + timedelta(minutes=5)
    runs.change(ReconciliationRun.id == run_id, leased_until=later)
    assert scraped(client)[name] == before
    assert runs.run(run_id).state in OPEN
