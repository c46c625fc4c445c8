"""The rows behind Idempotency-Key: claimed before the work, completed after it."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from payments.idempotency.models import IdempotentRequest
from payments.kit import clock
from payments.kit.db import db
from payments.kit.errors import Conflict
from payments.kit.inserts import inserted
from payments.kit.transactions import transaction

KEPT_FOR = timedelta(hours=24)
# Longer than any request may take: a lock that old belongs to a dead process.
LOCKED_FOR = timedelta(seconds=60)


class KeyReused(Conflict):
    code = "idempotency_key_reused"
    sentence = "This Idempotency-Key was used with another request before"


class KeyInUse(Conflict):
    code = "idempotency_key_in_use"
    sentence = "The first request with this Idempotency-Key is still running"


def claim(user_id: int, key: str, fingerprint: str) -> IdempotentRequest:
    """Return the row of this key, locked for us, or answered already (then `status` is set).

    Raises KeyReused or KeyInUse.
    """
    with transaction():
        moment = clock.now()
        _forget_lapsed(user_id, key, moment)
        fresh = IdempotentRequest(
            user_id=user_id, key=key, fingerprint=fingerprint, locked_until=moment + LOCKED_FOR
        )
        return fresh if inserted(fresh) else _taken_over(user_id, key, fingerprint, moment)


def _forget_lapsed(user_id: int, key: str, moment: datetime) -> None:
    db.session.execute(
        sa.delete(IdempotentRequest).where(
            IdempotentRequest.user_id == user_id,
            IdempotentRequest.key == key,
            IdempotentRequest.created_at < moment - KEPT_FOR,
        )
    )


def _taken_over(user_id: int, key: str, fingerprint: str, moment: datetime) -> IdempotentRequest:
    query = sa.select(IdempotentRequest).where(
        IdempotentRequest.user_id == user_id, IdempotentRequest.key == key
    )
    held = db.session.scalars(query.with_for_update()).one()
    if held.fingerprint != fingerprint:
        raise KeyReused
    if held.status is None and held.locked_until > moment:
        raise KeyInUse(headers={"Retry-After": "1"})
    if held.status is None:
        held.locked_until = moment + LOCKED_FOR
    return held


def keep(row_id: int, status: int, answer: str, headers: dict[str, str]) -> None:
    """Store the sealed answer for whoever repeats the request."""
    with transaction():
        held = db.session.get_one(IdempotentRequest, row_id)
        held.status, held.answer, held.headers = status, answer, headers


def release(row_id: int) -> None:
    """Unlock the key without an answer: the next request with it runs again."""
    with transaction():
        held = db.session.get_one(IdempotentRequest, row_id)
        held.locked_until = clock.now() - timedelta(seconds=1)


def prune() -> int:
    """Delete rows that have lapsed; return how many."""
    with transaction():
        lapsed = IdempotentRequest.created_at < clock.now() - KEPT_FOR
        gone = db.session.execute(
            sa.delete(IdempotentRequest).where(lapsed).returning(IdempotentRequest.id)
        )
        return len(gone.all())
