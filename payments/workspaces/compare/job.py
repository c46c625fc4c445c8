"""What a comparison of our own account works with, and how far back it has to go."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from payments.gateway import object_lists
from payments.gateway.errors import BadCredentials, OutcomeUnknown, Unavailable
from payments.gateway.gateway import Gateway, platform
from payments.gateway.object_lists import ObjectLists
from payments.kit import clock
from payments.kit.db import db
from payments.runs.walk import Tally
from payments.runs.window import SLACK_SECONDS

log = logging.getLogger(__name__)

# A refund may fail a month after it was made: https://docs.stripe.com/refunds#failed-refunds
LOOKS_BACK = timedelta(days=35)


@dataclass(frozen=True)
class Job:
    """Our own account; nothing is written on a `dry_run`."""

    lists: ObjectLists
    gateway: Gateway
    dry_run: bool
    actor: str


def opened(*, dry_run: bool, actor: str) -> Job:
    """Open our account; BadCredentials when no key is set."""
    return Job(object_lists.platform(), platform(), dry_run, actor)


def oldest(model: Any, states: tuple[str, ...]) -> int:
    """Return since when rows may still change: as long as any waits, a month and more anyway."""
    query = sa.select(sa.func.min(model.created_at)).where(model.status.in_(states))
    made: datetime | None = db.session.scalar(query)
    lately = clock.now() - LOOKS_BACK
    return int(min(made or lately, lately).timestamp()) - SLACK_SECONDS


@contextmanager
def by_itself(what: str, tally: Tally) -> Iterator[None]:
    """Let an object that breaks be counted and stop nobody; the account's own errors go on."""
    try:
        yield
    except (BadCredentials, OutcomeUnknown, Unavailable):
        raise
    except Exception:
        log.exception("%s could not be brought level with Stripe", what)
        db.session.rollback()
        tally.failed += 1
