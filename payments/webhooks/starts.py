"""Since when an account's events concern us: before that there was nobody to deliver them to."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from payments.kit import clock
from payments.kit.db import db
from payments.projects import queries
from payments.webhooks.models import PLATFORM
from payments.workspaces.models import Workspace


def of(owner: str, mode: str) -> datetime:
    """Return when the project's keys of this mode were stored, or the first workspace was made."""
    if owner == PLATFORM:
        return db.session.scalar(sa.select(sa.func.min(Workspace.created_at))) or clock.now()
    row = queries.find_credentials(owner, mode)
    return (row and row.configured_at) or clock.now()
