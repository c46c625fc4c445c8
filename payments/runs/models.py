"""The tables of the reconciliation: runs, the drifts they found, and how far events are known."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from payments.kit.db import Base, BigId, Leased, Stamped

# What a run does: close holes of the inbox from Stripe's list of events, or compare objects.
EVENTS, OBJECTS = "events", "objects"
KINDS = (EVENTS, OBJECTS)

PENDING, RUNNING, SUCCEEDED, FAILED = "pending", "running", "succeeded", "failed"
STATES = (PENDING, RUNNING, SUCCEEDED, FAILED)
OPEN = (PENDING, RUNNING)

# The same in SQL, spelled out: only so do the indexes of open runs serve a query.
IS_OPEN = sa.text("state IN ('pending', 'running')")


class ReconciliationRun(Base, Stamped, Leased):
    """One comparison of an account with Stripe; a unit of work that goes on in bounded slices.

    `owner` is a project's id or `platform`, `position` where the next slice begins. `seen` are the
    objects looked at, `missing` those that we did not have, `drifted` those that differed, `fixed`
    and `failed` what became of both.
    """

    __tablename__ = "reconciliation_runs"
    __table_args__ = (
        # One open run of a kind an account: two schedulers do no harm.
        sa.Index(
            "uq_reconciliation_runs_open", "owner", "mode", "kind", "dry_run", unique=True,
            postgresql_where=IS_OPEN, sqlite_where=IS_OPEN,
        ),
        sa.Index(
            "ix_reconciliation_runs_due", "due_at", postgresql_where=IS_OPEN, sqlite_where=IS_OPEN
        ),
        sa.Index("ix_reconciliation_runs_owner", "owner", "id"),
        # When a kind last ended how: for the schedule, for metrics and for pruning.
        sa.Index("ix_reconciliation_runs_finished", "kind", "state", "finished_at"),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    owner: Mapped[str] = mapped_column(sa.String(36))
    mode: Mapped[str] = mapped_column(sa.String(4))
    kind: Mapped[str] = mapped_column(sa.String(10))
    state: Mapped[str] = mapped_column(sa.String(10), default=PENDING)
    actor: Mapped[str] = mapped_column(sa.String(80))
    dry_run: Mapped[bool] = mapped_column(default=False)
    position: Mapped[dict[str, Any]] = mapped_column(default=dict)
    seen: Mapped[int] = mapped_column(default=0)
    missing: Mapped[int] = mapped_column(default=0)
    drifted: Mapped[int] = mapped_column(default=0)
    fixed: Mapped[int] = mapped_column(default=0)
    failed: Mapped[int] = mapped_column(default=0)
    stripe_calls: Mapped[int] = mapped_column(default=0)
    error: Mapped[str | None] = mapped_column(sa.String(500))
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    @property
    def is_test_mode(self) -> bool:
        return self.mode == "test"


class Drift(Base):
    """One field of one object in which we and Stripe differed, and whether it was mended."""

    __tablename__ = "reconciliation_drifts"
    __table_args__ = (sa.Index("ix_reconciliation_drifts_run", "run_id", "id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    run_id: Mapped[int] = mapped_column(sa.ForeignKey("reconciliation_runs.id"))
    owner: Mapped[str] = mapped_column(sa.String(36))
    object: Mapped[str] = mapped_column(sa.String(30))
    object_id: Mapped[str] = mapped_column(sa.String(255))
    field: Mapped[str] = mapped_column(sa.String(60))
    ours: Mapped[str | None] = mapped_column(sa.String(255))
    theirs: Mapped[str | None] = mapped_column(sa.String(255))
    fixed: Mapped[bool] = mapped_column(default=False)


class EventCursor(Base):
    """How far an account's events are known to be complete (Stripe's `created`, in seconds)."""

    __tablename__ = "event_cursors"

    owner: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    mode: Mapped[str] = mapped_column(sa.String(4), primary_key=True)
    created: Mapped[int] = mapped_column(sa.BigInteger)
    event_id: Mapped[str | None] = mapped_column(sa.String(255))
    checked_at: Mapped[datetime]
