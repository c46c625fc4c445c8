"""The rows behind Idempotency-Key: claimed before the work, completed after it.

Locks are set and compared by the database's clock: hosts that differ must not share a key.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from payments.idempotency.models import IdempotentRequest
from payments.kit import clock
from payments.kit.db import db
from payments.kit.errors import Conflict
from payments.kit.inserts import inserted
from payments.kit.leases import moment_in
from payments.kit.sealed_columns import name_former_place, name_place
from payments.kit.transactions import transaction

KEPT_FOR = timedelta(hours=24)
# Longer than a request should take: a lock that old belongs to a dead process, or to one so slow
# that its fence keeps it from writing any more.
LOCKED_FOR = timedelta(seconds=60)


class KeyReused(Conflict):
    code = "idempotency_key_reused"
    sentence = "This Idempotency-Key was used with another request before"


class KeyInUse(Conflict):
    code = "idempotency_key_in_use"
    sentence = "The first request with this Idempotency-Key is still running"


@dataclass(frozen=True)
class Claim:
    """A key's row as its claim found it; `status` is set when it holds an answer already.

    `request` names the request for the rows that it makes; `answer` is sealed at `place`, or at
    `former_place` if a former release did it.
    """

    id: int
    fence: int
    request: str
    status: int | None
    answer: str | None = field(repr=False)
    headers: dict[str, str]
    place: str = field(repr=False)
    former_place: str = field(repr=False)


def claim(user_id: int, key: str, fingerprint: str, *former: str) -> Claim:
    """Lock the row of this key for us, or return it with the answer that it holds.

    `former` are fingerprints of the same request by secrets that are being rotated out. Raises
    KeyReused, or KeyInUse while another request holds the lock.
    """
    with transaction():
        _forget_lapsed(user_id, key)
        fresh = IdempotentRequest(
            user_id=user_id, key=key, fingerprint=fingerprint, locked_until=moment_in(LOCKED_FOR)
        )
        return _read(
            fresh if inserted(fresh) else _taken_over(user_id, key, {fingerprint, *former})
        )


def _read(row: IdempotentRequest) -> Claim:
    # Rows of an earlier release bear no reference: their charges hold the name that it gave them.
    request = row.reference or f"request-{row.id}-{int(row.created_at.timestamp())}"
    return Claim(
        row.id, row.fence, request, row.status, row.answer, row.headers,
        place=name_place(row, "answer"), former_place=name_former_place(row, "answer"),
    )  # fmt: skip


def _forget_lapsed(user_id: int, key: str) -> None:
    db.session.execute(
        sa.delete(IdempotentRequest).where(
            IdempotentRequest.user_id == user_id,
            IdempotentRequest.key == key,
            IdempotentRequest.created_at < clock.now() - KEPT_FOR,
        )
    )


def _taken_over(user_id: int, key: str, fingerprints: set[str]) -> IdempotentRequest:
    query = sa.select(IdempotentRequest).where(
        IdempotentRequest.user_id == user_id, IdempotentRequest.key == key
    )
    held = db.session.scalars(query.with_for_update()).one()
    if held.fingerprint not in fingerprints:
        raise KeyReused
    if held.status is None:
        _lock_again(held)
    return held


def _lock_again(held: IdempotentRequest) -> None:
    """Lock a row whose lock has lapsed, under the next fence; KeyInUse while it has not."""
    lapsed = IdempotentRequest.locked_until <= moment_in()
    values = {"fence": IdempotentRequest.fence + 1, "locked_until": moment_in(LOCKED_FOR)}
    if not _change(held.id, held.fence, lapsed, **values):
        raise KeyInUse(headers={"Retry-After": "1"})
    db.session.refresh(held)


def keep(claimed: Claim, status: int, answer: str, headers: dict[str, str]) -> bool:
    """Store the sealed answer for whoever repeats the request.

    False, and nothing is stored, when another request has claimed the key since.
    """
    with transaction():
        return _change(claimed.id, claimed.fence, status=status, answer=answer, headers=headers)


def release(claimed: Claim) -> bool:
    """Unlock the key without an answer: the next request with it runs again.

    False, and nothing is unlocked, when another request has claimed the key since.
    """
    with transaction():
        past = moment_in(-timedelta(seconds=1))
        return _change(claimed.id, claimed.fence, locked_until=past)


def _change(row_id: int, fence: int, /, *conditions: sa.ColumnElement[bool], **values: Any) -> bool:
    """Change a row that nobody has claimed since the fence was given; return whether it was."""
    changed = db.session.execute(
        sa.update(IdempotentRequest)
        .where(IdempotentRequest.id == row_id, IdempotentRequest.fence == fence, *conditions)
        .values(**values)
        .returning(IdempotentRequest.id)
        .execution_options(synchronize_session=False)
    )
    return changed.scalar_one_or_none() is not None


# Deleted in one transaction, which must end well within a statement's time-out.
BATCH, MOST_BATCHES = 2_000, 50


def prune() -> int:
    """Delete rows that have lapsed, batch by batch, and return how many; the rest waits a minute.

    https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-STATEMENT-TIMEOUT
    """
    total = 0
    for _ in range(MOST_BATCHES):
        gone = _prune_batch()
        total += gone
        if gone < BATCH:
            break
    return total


def _prune_batch() -> int:
    lapsed = IdempotentRequest.created_at < clock.now() - KEPT_FOR
    with transaction():
        ids = list(db.session.scalars(sa.select(IdempotentRequest.id).where(lapsed).limit(BATCH)))
        db.session.execute(sa.delete(IdempotentRequest).where(IdempotentRequest.id.in_(ids)))
    return len(ids)
