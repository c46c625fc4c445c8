"""Runs of the reconciliation in tests: done in this process, on accounts of the sandbox."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from payments.kit import clock
from payments.kit.db import db
from payments.kit.transactions import transaction
from payments.reconciliation import comparers
from payments.reconciliation.turn import turn
from payments.runs.begin import begin
from payments.runs.models import OPEN, Drift, ReconciliationRun
from payments.runs.slices import Slice


class Runs:
    """Begins runs of one owner without waking a worker, and does their turns by hand."""

    def __init__(self, app: Flask, owner: str, mode: str = "test") -> None:
        self.app, self.owner, self.mode = app, owner, mode

    def begin(self, kind: str = "events", **options: Any) -> int:
        with self.app.app_context(), transaction():
            settings = {"actor": "sweep", "wakes": False, **options}
            run, made = begin(self.owner, self.mode, kind, **settings)
            assert made
            return run.id

    def turn(self, run_id: int) -> bool:
        with self.app.app_context():
            return turn(run_id)

    def done(self, kind: str = "events", **options: Any) -> ReconciliationRun:
        """Begin a run and do turns as long as there is more to do."""
        run_id = self.begin(kind, **options)
        while self.turn(run_id):
            pass
        return self.run(run_id)

    def run(self, run_id: int) -> ReconciliationRun:
        (row,) = self.rows(ReconciliationRun, ReconciliationRun.id == run_id)
        return row

    def all(self, kind: str = "events") -> list[ReconciliationRun]:
        where = (ReconciliationRun.owner == self.owner, ReconciliationRun.kind == kind)
        return self.rows(ReconciliationRun, *where)

    def drifts(self, run_id: int) -> list[Drift]:
        return self.rows(Drift, Drift.run_id == run_id)

    def due(self, run_id: int) -> None:
        """Let the run's wait be over."""
        self.change(ReconciliationRun.id == run_id, due_at=clock.now())

    def change(self, *where: Any, **values: Any) -> None:
        self.write(sa.update(ReconciliationRun).where(*where).values(**values))

    def write(self, statement: Any) -> None:
        with self.app.app_context(), transaction() as session:
            session.execute(statement)

    def rows(self, model: Any, *where: Any) -> list[Any]:
        with self.app.app_context():
            rows = list(db.session.scalars(sa.select(model).where(*where).order_by(model.id)))
            db.session.expunge_all()
            return rows

    def close(self) -> None:
        """End what a test left open, so that no sweep takes it up."""
        self.change(ReconciliationRun.state.in_(OPEN), state="failed")


class Script:
    """A comparer that does what a test says: slices in order; an error is raised."""

    def __init__(self, *parts: Slice | Exception) -> None:
        self.parts = list(parts)
        self.asked: list[dict[str, Any]] = []

    def __call__(self, owner: str, mode: str, position: dict[str, Any], **options: Any) -> Slice:
        self.asked.append({"owner": owner, "mode": mode, "position": position, **options})
        part = self.parts.pop(0)
        if isinstance(part, Exception):
            raise part
        return part


def scripted(patch: pytest.MonkeyPatch, *parts: Slice | Exception) -> Script:
    """Let objects of projects be compared by a script."""
    script = Script(*parts)
    patch.setitem(comparers.COMPARERS, ("objects", False), script)
    return script
