"""Attempts at moving money: claimed by one worker, repeated under one key, put back when unsure."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

import sqlalchemy as sa

from payments.gateway.errors import GatewayError, OutcomeUnknown, Rejected
from payments.kit import clock, leases
from payments.kit.db import db
from payments.kit.repeat import repeated
from payments.kit.transactions import transaction
from payments.workspaces.models import Charge, Refund
from payments.workspaces.models.charges import PENDING
from payments.workspaces.notes import note_attention

log = logging.getLogger(__name__)

_TRIED = "it was tried too often without an outcome"

Work = Charge | Refund

# Longer than the calls of one run can take, each with its own time-out.
LEASE_SECONDS = 60
# Stripe forgets idempotency keys after 24 hours; nobody expects to be charged later either.
# https://docs.stripe.com/api/idempotent_requests
KEY_LIVES = timedelta(hours=23)
# Stripe replays a stored 500 under its key for ever: after this many tries we look instead.
TRIES_PER_KEY = 5
# From then on a person should know of it; the row is looked at all the same, once an hour.
MOST_TRIES, MOST_ATTEMPTS = 10, 3


@dataclass(frozen=True)
class Attempt:
    """One run at a row of work, read before its transaction is closed."""

    model: type[Work]
    row_id: int
    fence: int
    key: str
    created: int
    uncertain: bool
    too_old: bool
    worn_out: bool

    @property
    def look_first(self) -> bool:
        """Say whether Stripe may hold something that the key would no longer find."""
        return self.uncertain and (self.too_old or self.worn_out)

    @property
    def stale(self) -> bool:
        """Say whether the row waited so long that nobody wants it done any more."""
        return self.too_old and not self.uncertain


def claim(model: type[Work], row_id: int) -> Attempt | None:
    """Take a pending row, inside the caller's transaction; None if it is held, done or not due."""
    fence = leases.claim(model, row_id, (PENDING,), seconds=LEASE_SECONDS)
    if fence is None:
        return None
    row = _get(model, row_id)
    row.first_called_at = row.first_called_at or clock.now()
    attempt = Attempt(
        model=model,
        row_id=row_id,
        fence=fence,
        key=row.idempotency_key,
        created=int(row.created_at.timestamp()),
        uncertain=row.uncertain,
        too_old=clock.now() - row.created_at > KEY_LIVES,
        worn_out=row.tries > TRIES_PER_KEY,
    )
    # Until this run tells otherwise: one that dies before it can tell may have moved the money.
    row.uncertain = True
    if _worn(row):
        # Perhaps it is the row that kills its workers: it must not come back every minute.
        row.due_at = clock.now() + leases.backoff(row.tries)
        _call_for_attention(row, _TRIED)
    return attempt


@repeated
def next_attempt(attempt: Attempt) -> str:
    """Begin another attempt after the former one is known to hold nothing; return its key.

    OutcomeUnknown when the lease has lapsed and another worker has the row: two workers must
    never send two keys.
    """
    with transaction():
        row = _held(attempt)
        if row is None:
            raise OutcomeUnknown("another worker has taken over", code="lease_lost")
        row.attempt += 1
        row.tries = 1
        return row.idempotency_key


@repeated
def put_back(
    attempt: Attempt, *, uncertain: bool, attention: bool = False, intent: str | None = None
) -> None:
    """Let the row come back after a while, unless another worker has it by now."""
    with transaction():
        row = _held(attempt)
        if row is None:
            return
        row.uncertain = attempt.uncertain or uncertain
        if attention:
            _call_for_attention(row, "its idempotency key was refused")
        if intent is not None and isinstance(row, Charge):
            row.stripe_payment_intent_id = intent
        give_back(row)


def postpone(attempt: Attempt, error: GatewayError) -> None:
    """Put the row back after an error that settles nothing; a reused key is a bug to be seen."""
    bug = isinstance(error, Rejected)
    unknown = bug or isinstance(error, OutcomeUnknown)
    what = f"{attempt.model.__tablename__} {attempt.row_id}"
    log.log(
        logging.ERROR if bug else logging.WARNING,
        "%s comes back: %s (%s)", what, type(error).__name__, error.code,
    )  # fmt: skip
    if error.throttled:
        _throttle(attempt)
    else:
        put_back(attempt, uncertain=unknown, attention=bug)


def _throttle(attempt: Attempt) -> None:
    """Let the row come back once Stripe has room again: the call did nothing."""
    with transaction():
        row = _held(attempt)
        if row is not None:
            row.uncertain = attempt.uncertain
            give_back(row, throttled=True)


def give_back(row: Work, *, throttled: bool = False) -> None:
    """Let a row go until its next turn; one that has had many turns needs a person as well."""
    if throttled:
        leases.throttle(row)
        return
    if _worn(row):
        _call_for_attention(row, _TRIED)
    leases.release(row, due_in=leases.backoff(row.tries))


def _worn(row: Work) -> bool:
    return row.tries > MOST_TRIES or row.attempt > MOST_ATTEMPTS


def _call_for_attention(row: Work, why: str) -> None:
    if not row.needs_attention:
        row.needs_attention = True
        log.error("%s %s needs attention: %s", row.__tablename__, row.id, why)
        note_attention(row, why, actor="worker")


def _held(attempt: Attempt) -> Work | None:
    """Return the row, locked, if it is still ours: not settled, nor claimed by anybody since."""
    model = attempt.model
    query = sa.select(model).where(
        model.id == attempt.row_id, model.fence == attempt.fence, model.status == PENDING
    )
    query = query.with_for_update().execution_options(populate_existing=True)
    return cast("Work | None", db.session.scalars(query).one_or_none())


def _get(model: type[Work], row_id: int) -> Work:
    return cast(Work, db.session.get_one(model, row_id, populate_existing=True))
