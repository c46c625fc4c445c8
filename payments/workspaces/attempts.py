"""Work that moves money: claimed by one worker, put back when Stripe has not told its outcome.

A lost answer, a 429, a stored 500 and `idempotency_key_in_use` are states of one attempt. They
never lead to another idempotency key.
https://docs.stripe.com/error-low-level
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

import sqlalchemy as sa

from payments.gateway.client import CONNECT_SECONDS, WORKER_READ_SECONDS
from payments.gateway.errors import GatewayError, OutcomeUnknown, Rejected
from payments.kit import clock, leases
from payments.kit.db import db
from payments.kit.repeat import repeated
from payments.kit.transactions import transaction
from payments.workspaces.attention import flag_row
from payments.workspaces.models import Charge, Refund
from payments.workspaces.models.charges import (
    KEY_REUSED,
    OUTCOME_UNKNOWN,
    PENDING,
    TRIED_TOO_OFTEN,
)

log = logging.getLogger(__name__)

Work = Charge | Refund

# A lease outlives the longest call; it is renewed before each further one.
LEASE_SECONDS = CONNECT_SECONDS + WORKER_READ_SECONDS + 8
# Stripe forgets idempotency keys after 24 hours; nobody expects to be charged later either.
# https://docs.stripe.com/api/idempotent_requests
KEY_LIVES = timedelta(hours=23)
# An outcome that is not known for this long is shown to the row's owner and to operators.
UNKNOWN_AFTER = timedelta(minutes=2)
# A row that was tried so often may be what kills its workers: a person has to look.
MOST_TRIES = 10


class LeaseLost(Exception):
    """The row was settled, given up or taken over meanwhile: there is nothing left to do."""


@dataclass(frozen=True)
class Attempt:
    """One run at a row of work, read before its transaction is closed.

    `uncertain`: an earlier call's outcome never reached us. `too_old`: its idempotency key may be
    forgotten at Stripe.
    """

    model: type[Work]
    row_id: int
    fence: int
    uncertain: bool
    too_old: bool


def claim(model: type[Work], row_id: int) -> Attempt | None:
    """Take a pending row, inside the caller's transaction; None if it is held, done or not due."""
    fence = leases.claim(model, row_id, (PENDING,), seconds=LEASE_SECONDS)
    if fence is None:
        return None
    row = _get(model, row_id)
    if row.first_called_at is None:
        row.first_called_at, row.legacy_metadata = clock.now(), False
    attempt = Attempt(
        model=model,
        row_id=row_id,
        fence=fence,
        uncertain=row.uncertain,
        too_old=clock.now() - row.created_at > KEY_LIVES,
    )
    # Until this run tells otherwise: one that dies before it can tell may have moved the money.
    row.uncertain = True
    if row.tries > MOST_TRIES:
        # Perhaps it is the row that kills its workers: it must not come back every minute.
        row.due_at = leases.moment_in(leases.backoff(row.tries))
        flag_row(row, TRIED_TOO_OFTEN, "it was tried too often without an outcome", actor="worker")
    return attempt


@repeated
def renew(attempt: Attempt) -> datetime:
    """Extend the lease before another call and return until when it holds, by this host's clock.

    LeaseLost when the row is no longer ours.
    """
    until = clock.now() + timedelta(seconds=LEASE_SECONDS)
    with transaction():
        _hold_renewed(attempt)
    return until


def check_lease(held_until: datetime) -> None:
    """Raise LeaseLost when this process slept since it renewed its lease.

    Asked right before a call: a machine that was suspended for a day must not send a request
    whose idempotency key Stripe has forgotten meanwhile.
    """
    if clock.now() >= held_until:
        raise LeaseLost


@repeated
def store_payment_intent(attempt: Attempt, payment_intent: str) -> None:
    """Commit the id of the charge's one PaymentIntent, before anybody confirms it.

    LeaseLost when another worker has the row by now: what was created is never confirmed then.
    """
    with transaction():
        row = _hold_renewed(attempt)
        if isinstance(row, Charge):
            row.stripe_payment_intent_id = payment_intent


@repeated
def put_back(attempt: Attempt, *, uncertain: bool = True) -> None:
    """Let the row come back after a while, unless it is settled or another worker has it."""
    with transaction():
        row = _find_held(attempt)
        if row is None:
            return
        row.uncertain = attempt.uncertain or uncertain
        _flag_if_long_unknown(row)
        leases.release(row, due_in=leases.backoff(row.tries))


@repeated
def put_back_waiting(attempt: Attempt, *, uncertain: bool) -> None:
    """Let the row come back once Stripe has room, or is done with the first request under its key.

    It did not count as a try: nothing was done.
    """
    with transaction():
        row = _find_held(attempt)
        if row is None:
            return
        row.uncertain = attempt.uncertain or uncertain
        _flag_if_long_unknown(row)
        leases.throttle(row)


def postpone(attempt: Attempt, error: GatewayError) -> None:
    """Put the row back after an error that settles nothing; a reused key is a bug to be seen."""
    bug = isinstance(error, Rejected) and error.key_reused
    log.log(
        logging.ERROR if bug else logging.WARNING,
        "%s %s comes back: %s (%s): %s",
        attempt.model.__tablename__, attempt.row_id, type(error).__name__, error.code,
        error.message,
    )  # fmt: skip
    if bug:
        flag(attempt, KEY_REUSED, "its idempotency key was used with other parameters")
    if error.throttled or error.in_progress:
        put_back_waiting(attempt, uncertain=error.in_progress)
    else:
        put_back(attempt, uncertain=bug or isinstance(error, OutcomeUnknown))


@repeated
def flag(attempt: Attempt, code: str, reason: str) -> None:
    """Ask a person to look at the row, if it is still ours."""
    with transaction():
        row = _find_held(attempt)
        if row is not None:
            flag_row(row, code, reason, actor="worker")


def _flag_if_long_unknown(row: Work) -> None:
    called = row.first_called_at
    if row.uncertain and called is not None and clock.now() - called >= UNKNOWN_AFTER:
        flag_row(row, OUTCOME_UNKNOWN, "Stripe has not told its outcome", actor="worker")


def _hold_renewed(attempt: Attempt) -> Work:
    row = _find_held(attempt)
    if row is None or not leases.renew_lease(
        attempt.model, attempt.row_id, attempt.fence, seconds=LEASE_SECONDS
    ):
        raise LeaseLost
    return row


def _find_held(attempt: Attempt) -> Work | None:
    """Return the row, locked, if it is still ours: not settled, nor claimed by anybody since."""
    model = attempt.model
    query = sa.select(model).where(
        model.id == attempt.row_id, model.fence == attempt.fence, model.status == PENDING
    )
    query = query.with_for_update().execution_options(populate_existing=True)
    return cast("Work | None", db.session.scalars(query).one_or_none())


def _get(model: type[Work], row_id: int) -> Work:
    return cast(Work, db.session.get_one(model, row_id, populate_existing=True))
