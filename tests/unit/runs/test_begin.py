"""One open run of a kind and account, however many begin one."""

from __future__ import annotations

import pytest

from payments.kit.transactions import transaction
from payments.runs.begin import begin
from payments.runs.models import ReconciliationRun
from tests.support.runs import Runs
from tests.support.site import at_once


def begun(runs: Runs, kind: str = "events", **options: object) -> tuple[int, bool]:
    with runs.app.app_context(), transaction():
        settings = {"actor": "sweep", "wakes": False, **options}
        run, made = begin(runs.owner, runs.mode, kind, **settings)
        return run.id, made


def test_an_open_one_is_returned(runs: Runs) -> None:
    first, made = begun(runs)
    assert made
    assert begun(runs, actor="user:7") == (first, False)
    assert runs.run(first).actor == "sweep"


@pytest.mark.parametrize("options", [{"kind": "objects"}, {"dry_run": True}])
def test_others_run_beside_it(runs: Runs, options: dict) -> None:
    first, _ = begun(runs)
    other, made = begun(runs, **options)
    assert made
    assert other != first
    assert begun(runs, **options) == (other, False)
    assert begun(runs) == (first, False)


def test_another_mode_runs_beside_it(runs: Runs) -> None:
    begun(runs)
    live = Runs(runs.app, runs.owner, "live")
    assert begun(live)[1]


def test_once_it_has_ended_a_new_one_begins(runs: Runs) -> None:
    first, _ = begun(runs)
    runs.change(ReconciliationRun.id == first, state="failed")
    second, made = begun(runs)
    assert made
    assert second > first


def test_at_once(runs: Runs) -> None:
    """Eight begin one at the same moment: one has made it, all have it."""
    found = at_once([lambda: begun(runs)] * 8)
    assert len({run_id for run_id, _ in found}) == 1
    assert sum(made for _, made in found) == 1
