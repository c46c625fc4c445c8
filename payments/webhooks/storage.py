"""How many bytes of payloads each owner has stored: counted with the rows, held to a quota.

A project's own webhook secret signs whatever its holder likes, so deliveries that are accepted must
not fill the disk that all projects share. The platform's own account has no quota.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from payments.extensions import settings
from payments.kit.db import db, is_sqlite
from payments.kit.transactions import transaction
from payments.webhooks.models import PLATFORM, EventStorage, WebhookEvent

PARTS = 8
_MIB = 1024 * 1024


def get_quota(owner: str) -> int | None:
    """Return how many bytes of payloads may be stored for an owner; None without a bound."""
    bound = settings().event_quota_mb
    return None if owner == PLATFORM or not bound else bound * _MIB


def choose_part() -> int:
    """Return the part of a counter that is to be moved: any, so that few wait for each other."""
    return secrets.randbelow(PARTS)


def measure_payload(payload: str) -> int:
    """Return the bytes of a payload as they are counted."""
    return len(payload.encode())


def count_stored_bytes(owner: str) -> int:
    """Return how many bytes of payloads are stored for an owner."""
    total = sa.func.coalesce(sa.func.sum(EventStorage.bytes), 0)
    return int(db.session.scalar(sa.select(total).where(EventStorage.owner == owner)) or 0)


def list_owners_beyond(size: int) -> list[tuple[str, int]]:
    """Return the projects that have stored at least so many bytes, with how many."""
    total = sa.func.sum(EventStorage.bytes)
    query = sa.select(EventStorage.owner, total).where(EventStorage.owner != PLATFORM)
    found = db.session.execute(query.group_by(EventStorage.owner).having(total >= size))
    return [(owner, int(held)) for owner, held in found]


def add_bytes(owner: str, size: int) -> None:
    """Move an owner's counter, as the last write of the caller's transaction."""
    insert = sqlite.insert if is_sqlite(db.engine) else postgresql.insert
    moved = insert(EventStorage).values(owner=owner, part=choose_part(), bytes=size)
    db.session.execute(
        moved.on_conflict_do_update(
            index_elements=["owner", "part"],
            set_={"bytes": EventStorage.bytes + moved.excluded.bytes},
        )
    )


def drop_payloads_of(ids: Sequence[int]) -> None:
    """Drop the payloads of these rows and lower the counters, in the caller's transaction."""
    size = sa.func.sum(measure_in_database())
    held = sa.select(WebhookEvent.owner, size).where(WebhookEvent.id.in_(ids), _HAS_PAYLOAD)
    sizes = {owner: int(total) for owner, total in db.session.execute(held.group_by("owner"))}
    dropped = sa.update(WebhookEvent).where(WebhookEvent.id.in_(ids)).values(payload=None)
    db.session.execute(dropped.execution_options(synchronize_session=False))
    # In one order, so that two that lower the same counters never wait for each other in a ring.
    for owner in sorted(sizes):
        add_bytes(owner, -sizes[owner])


def recount_bytes(owners: Iterable[str]) -> dict[str, tuple[int, int]]:
    """Count each owner's payloads anew; return what was counted before and what there is."""
    return {owner: _recount(owner) for owner in owners}


def list_owners() -> list[str]:
    """Return all owners of events or of counters."""
    events, counters = sa.select(WebhookEvent.owner), sa.select(EventStorage.owner)
    return sorted(db.session.scalars(sa.union(events, counters)))


def measure_in_database() -> sa.ColumnElement[Any]:
    """Select the bytes of a row's payload: PostgreSQL knows them without reading it."""
    if is_sqlite(db.engine):
        return sa.func.length(sa.cast(WebhookEvent.payload, sa.LargeBinary))
    return sa.func.octet_length(WebhookEvent.payload)


_HAS_PAYLOAD = WebhookEvent.payload.is_not(None)


def _recount(owner: str) -> tuple[int, int]:
    insert = sqlite.insert if is_sqlite(db.engine) else postgresql.insert
    of_owner = EventStorage.owner == owner
    rows = [{"owner": owner, "part": part, "bytes": 0} for part in range(PARTS)]
    with transaction() as session:
        session.execute(insert(EventStorage).values(rows).on_conflict_do_nothing())
        # Whoever stores an event of the owner waits from here on, or is counted below.
        held = sa.select(EventStorage).where(of_owner).order_by(EventStorage.part)
        before = sum(row.bytes for row in session.scalars(held.with_for_update()))
        size = sa.func.coalesce(sa.func.sum(measure_in_database()), 0)
        where = (WebhookEvent.owner == owner, _HAS_PAYLOAD)
        there = int(session.scalar(sa.select(size).where(*where)) or 0)
        amount = sa.case((EventStorage.part == 0, there), else_=0)
        changed = sa.update(EventStorage).where(of_owner).values(bytes=amount)
        session.execute(changed.execution_options(synchronize_session=False))
    return before, there
