"""Write down what happened, in the transaction in which it happens."""

from __future__ import annotations

import re
from typing import Any

from payments.kit.db import db
from payments.timeline.models import TimelineEntry

_EMAIL = re.compile(r"[^\s<>\"'`(),;:@]{1,64}@[^\s<>\"'`(),;:@]{1,255}")


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
    ("user:7", "api_key:...", "event:evt_1", "worker", "sweep", "operator"), `subject` what it
    happened to ("charge:12"). `data` holds the facts as they are now, never a secret or anything
    about a person; None is left out. People are named by their number only, as no entry can be
    reworded once they want to be forgotten.
    """
    db.session.add(
        TimelineEntry(
            kind=kind,
            actor=actor,
            subject=subject,
            workspace_id=workspace_id,
            project_id=project_id,
            stripe_id=stripe_id,
            data={name: _hide_addresses(v) for name, v in data.items() if v is not None},
        )
    )


def _hide_addresses(value: Any) -> Any:
    """Take e-mail addresses out of a text: what Stripe says of a refusal may quote one."""
    return _EMAIL.sub("[email]", value) if isinstance(value, str) else value
