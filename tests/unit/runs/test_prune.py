"""Runs are kept while they tell somebody something."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from payments.kit import clock
from payments.runs.models import ReconciliationRun
from payments.runs.prune import prune
from payments.runs.slices import Difference, Slice
from tests.support.runs import Runs, scripted

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("kind", "values", "age", "stays"),
    [
        ("events", {}, DAY / 2, True),
        ("events", {}, 2 * DAY, False),
        ("events", {"missing": 1}, 2 * DAY, True),
        ("events", {"state": "failed"}, 2 * DAY, True),
        ("objects", {}, 2 * DAY, True),
        ("objects", {}, 91 * DAY, False),
        ("events", {"missing": 1}, 91 * DAY, False),
        ("events", {"state": "failed"}, 91 * DAY, False),
        ("objects", {"state": "running", "finished_at": None}, 91 * DAY, True),
    ],
)
def test_how_long(
    runs: Runs, kind: str, values: dict[str, Any], age: timedelta, stays: bool
) -> None:
    run_id = runs.begin(kind)
    ended = {"state": "succeeded", "finished_at": clock.now() - age}
    runs.change(ReconciliationRun.id == run_id, **{**ended, **values})
    with runs.app.app_context():
        prune()
    assert bool(runs.all(kind)) is stays
    runs.close()


def test_its_drifts_go_with_it(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    found = Difference("subscription", "sub_1", "status", "active", "canceled")
    scripted(monkeypatch, *[Slice({}, True, drifted=1, differences=(found,))] * 2)
    old, fresh = runs.done("objects"), runs.done("objects")
    runs.change(ReconciliationRun.id == old.id, finished_at=clock.now() - 91 * DAY)
    with runs.app.app_context():
        assert prune() >= 1
    assert runs.drifts(old.id) == []
    assert len(runs.drifts(fresh.id)) == 1
