"""Batches of the inbox: many events taken, held and finished with a few statements.

A batch whose worker was killed has one event to blame, and nobody knows which. Its events are
taken again in smaller and smaller batches, in the end each alone, so that the one that kills takes
no others along; it is dead once it has been claimed as often as any event may fail.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from payments.kit import clock, leases
from payments.kit.db import db
from payments.kit.repeat import repeated
from payments.kit.transactions import transaction
from payments.webhooks.inbox import LEASE_SECONDS, MOST_TRIES, due, told, waiting
from payments.webhooks.models import DEAD, FAILED, PROCESSED, WAITS, WebhookEvent

log = logging.getLogger(__name__)

_MOST_OWNERS = 1000  # read of those who wait
_OWNERS_A_BATCH = 40  # served at once: each gets at least a fortieth of a batch


@dataclass(frozen=True)
class Taken:
    """An event that this worker holds, by the fence it took it with."""

    id: int
    fence: int
    owner: str
    mode: str
    event_id: str
    created: int
    tries: int
    throttled: int
    payload: str = field(repr=False)


@dataclass(frozen=True)
class _Free:
    """An event that may be taken; one with a lease was taken before, by a worker who is gone."""

    id: int
    event_id: str
    tries: int
    leased_until: datetime | None


@repeated
def take(limit: int) -> list[Taken]:
    """Take up to `limit` due events for LEASE_SECONDS, of every owner who waits a fair part."""
    with transaction() as session:
        ids = _unsuspected(_locked(_fair(limit)), limit)
        table = WebhookEvent
        claimed = (
            sa.update(table)
            .where(table.id.in_(ids))
            .values(
                fence=table.fence + 1,
                tries=table.tries + 1,
                leased_until=leases.moment_in(timedelta(seconds=LEASE_SECONDS)),
            )
            .execution_options(synchronize_session=False)
        )
        columns = (getattr(table, name) for name in Taken.__dataclass_fields__)
        rows = session.execute(claimed.returning(*columns)).all() if ids else []
    return [Taken(*row) for row in rows]


def _locked(chosen: list[int]) -> list[_Free]:
    table = WebhookEvent
    free = (table.id.in_(chosen), WAITS, leases.free(table))
    columns = (table.id, table.event_id, table.tries, table.leased_until)
    query = sa.select(*columns).where(*free).order_by(table.id)
    return [_Free(*row) for row in db.session.execute(query.with_for_update(skip_locked=True))]


def _unsuspected(free: list[_Free], limit: int) -> list[int]:
    """Choose what may be taken together: those whose lease lapsed come first, and few at once."""
    lapsed = sorted((row for row in free if row.leased_until), key=lambda row: row.tries)
    _bury([row for row in lapsed if row.tries >= MOST_TRIES])
    left = [row for row in lapsed if row.tries < MOST_TRIES]
    if not left:
        return [row.id for row in free if not row.leased_until]
    size = _together(left[0].tries, limit)
    return [row.id for row in left if _together(row.tries, limit) == size][:size]


def _together(tries: int, limit: int) -> int:
    return max(limit >> 3 * tries, 1)


def _bury(lapsed: list[_Free]) -> None:
    reason = f"its worker did not come back, {MOST_TRIES} times"
    _change([row.id for row in lapsed], state=DEAD, last_error=reason, leased_until=None)
    for row in lapsed:
        log.error("event %s is dead: %s", row.event_id, reason)


def hold(taken: Sequence[Taken]) -> list[Taken]:
    """Lock the events until the transaction ends; those that lapsed to others are left out."""
    query = sa.select(WebhookEvent.id, WebhookEvent.fence).where(
        WebhookEvent.id.in_([event.id for event in taken])
    )
    found = db.session.execute(query.order_by(WebhookEvent.id).with_for_update())
    fences = dict(found.all())
    return [event for event in taken if fences.get(event.id) == event.fence]


def finish(taken: Iterable[Taken], *, note: str | None = None) -> None:
    """Mark events as handled, in the transaction that did their work.

    `note` says why they changed nothing.
    """
    ids = [event.id for event in taken]
    done = {"state": PROCESSED, "processed_at": clock.now(), "last_error": None, "throttled": 0}
    _change(ids, **done, note=note, leased_until=None)


def put_back(taken: Iterable[Taken]) -> None:
    """Let go of events that nobody has tried yet: their turn is still to come."""
    with transaction():
        held = [event.id for event in hold(list(taken))]
        _change(held, leased_until=None, tries=WebhookEvent.tries - 1)


def postpone(taken: Iterable[Taken], reason: str) -> None:
    """Put events back together whose account had no room or no answer: no try is used up."""
    with transaction():
        held = hold(list(taken))
        times = max((event.throttled for event in held), default=0) + 1
        _change(
            [event.id for event in held],
            state=FAILED,
            last_error=told(reason),
            tries=WebhookEvent.tries - 1,
            throttled=times,
            leased_until=None,
            due_at=leases.moment_in(leases.throttled_for(times)),
        )


def _change(ids: list[int], **values: Any) -> None:
    if ids:
        change = sa.update(WebhookEvent).where(WebhookEvent.id.in_(ids)).values(values)
        db.session.execute(change.execution_options(synchronize_session=False))


def _fair(limit: int) -> list[int]:
    """Choose the longest waiting events; of a backlog, a part for every owner who has one."""
    oldest = due(limit)
    if len(oldest) < limit:
        return oldest
    owners = _waiting_owners()
    if len(owners) > _OWNERS_A_BATCH:
        owners = random.sample(owners, _OWNERS_A_BATCH)
    part = max(limit // max(len(owners), 1), 1)
    shares = [
        sa.select(waiting().where(WebhookEvent.owner == owner).limit(part).subquery().c.id)
        for owner in owners
    ]
    served = list(db.session.scalars(sa.union_all(*shares))) if shares else []
    return list(dict.fromkeys([*served, *oldest]))[:limit]


def _waiting_owners() -> list[str]:
    """Hop from owner to owner over the index of those who wait, however much each has.

    https://wiki.postgresql.org/wiki/Loose_indexscan
    """
    table = WebhookEvent
    waits = (WAITS, leases.is_due(table))
    first = sa.select(sa.func.min(table.owner).label("owner")).where(*waits)
    hop = first.cte("owners", recursive=True)
    following = (
        sa.select(sa.func.min(table.owner)).where(*waits, table.owner > hop.c.owner)
    ).scalar_subquery()
    hop = hop.union_all(sa.select(following).where(hop.c.owner.is_not(None)))
    query = sa.select(hop.c.owner).where(hop.c.owner.is_not(None)).limit(_MOST_OWNERS)
    return list(db.session.scalars(query))
