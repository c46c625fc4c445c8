"""Write down what happened, in the transaction in which it happens."""

from __future__ import annotations

from typing import Any

from payments.kit.db import db
from payments.timeline.models import TimelineEntry


def append(
    kind: str,
    *,
    actor: str,
    subject: str,
    workspace_id: int | None = None,
    project_id: str | None = None,
    stripe_id: str | None = None,
    **data: Any,
) -> None:
    """Add an entry: `kind` is a past event ("charge.succeeded"), `actor` who made it happen
    ("user:7", "event:evt_1", "worker", "sweep", "operator"), `subject` what it happened to
    ("charge:12"). `data` holds the facts as they are now, never a secret; None is left out.
    """
    db.session.add(
        TimelineEntry(
            kind=kind,
            actor=actor,
            subject=subject,
            workspace_id=workspace_id,
            project_id=project_id,
            stripe_id=stripe_id,
            data={name: value for name, value in data.items() if value is not None},
        )
    )
