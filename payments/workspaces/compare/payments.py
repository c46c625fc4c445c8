"""Charges against Stripe's PaymentIntents: what became of the money, and of how much of it."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from payments.gateway.errors import Rejected
from payments.gateway.results import Payment
from payments.installation.names import is_own_metadata
from payments.kit.db import db
from payments.kit.transactions import end_read
from payments.runs import window
from payments.runs.slices import Difference
from payments.runs.walk import Place, Tally
from payments.runs.window import BATCH, SLACK_SECONDS, Window
from payments.workspaces import queries
from payments.workspaces.anomalies import is_settled_by_person, report_unknown_row
from payments.workspaces.charges.action import apply_payment, close_payment_intent
from payments.workspaces.charges.outcomes import of_payment
from payments.workspaces.charges.record import note_closed
from payments.workspaces.compare.job import Job, by_itself, oldest
from payments.workspaces.compare.rows import find_charges, flag, is_in_motion
from payments.workspaces.identity import find_payment_disagreements
from payments.workspaces.models import Charge
from payments.workspaces.models.charges import (
    ABANDONED,
    CANCELED,
    FACTS_DISAGREE,
    FAILED,
    NOT_AT_STRIPE,
    OPEN,
    PENDING,
    REQUIRES_ACTION,
    SUCCEEDED,
)

log = logging.getLogger(__name__)

STATUS, ROW, DUPLICATE = "status", "row", "duplicate"
_UNPAID = {FAILED, CANCELED, ABANDONED}
GONE = "resource_missing"  # https://docs.stripe.com/error-codes#resource-missing


def compare_payments(job: Job, place: Place, tally: Tally) -> Place | None:
    """Compare the next page, or look for charges that the last one should have shown."""
    at = window.opened(place, floor=-1 if place else oldest(Charge, OPEN))
    end_read()
    following = _page(job, at, tally) if at.low is None else _unlisted(job, at, tally)
    return None if following is None else following.place


def _page(job: Job, at: Window, tally: Tally) -> Window:
    page = job.lists.payments(at.after, since=at.floor)
    charges = find_charges(page.items)
    end_read()
    for payment in page.items:
        _settle(job, payment, charges.get(payment.id), tally)
    # By our clock a charge is made before its payment; by Stripe's it may seem a little later.
    down_to = page.items[-1].created + SLACK_SECONDS if page.items else None
    listed = {payment.id: _made(payment, charges.get(payment.id)) for payment in page.items}
    return at.read(listed, after=page.after, more=page.more, down_to=down_to)


def _made(payment: Payment, charge: Charge | None) -> int:
    return payment.created if charge is None else int(charge.created_at.timestamp())


def _settle(job: Job, payment: Payment, charge: Charge | None, tally: Tally) -> None:
    own = charge is not None and charge.stripe_payment_intent_id == payment.id
    if not own and is_settled_by_person(payment.id):
        return
    if charge is None:
        _judge_unknown(job, payment, tally)
        return
    tally.seen += 1
    if not is_in_motion(charge):
        with by_itself(f"charge {charge.id}", tally):
            tally.found(_mended(job, payment, charge))


def _judge_unknown(job: Job, payment: Payment, tally: Tally) -> None:
    """Report what this installation made for a row that is not here; others' means nothing."""
    if not is_own_metadata(payment.metadata) or "charge" not in payment.metadata:
        return
    tally.seen += 1
    lost = Difference("payment_intent", payment.id, ROW, None, payment.status)
    tally.found([lost], missing=True)
    if payment.status == "succeeded" and not job.dry_run:
        report_unknown_row(payment, actor=job.actor)


def differences(payment: Payment, charge: Charge) -> list[Difference]:
    """Compare a PaymentIntent with the charge whose names it bears: every inequality there is."""
    own, theirs = charge.stripe_payment_intent_id, of_payment(payment).status
    wrong = find_payment_disagreements(charge, payment)
    found = [_differing(charge, name, *_values_of(name, charge, payment)) for name in wrong]
    if own not in {None, payment.id}:
        # Another attempt's, which is nothing as long as only one of them took money.
        if theirs == charge.status == SUCCEEDED:
            found.append(_differing(charge, DUPLICATE, own, payment.id))
        elif theirs == SUCCEEDED:
            found.append(_differing(charge, STATUS, charge.status, theirs))
        elif _can_still_be_paid(payment, charge):
            found.append(_differing(charge, STATUS, charge.status, payment.status))
    elif _can_still_be_paid(payment, charge):
        found.append(_differing(charge, STATUS, charge.status, payment.status))
    elif not _is_level(charge.status, theirs):
        found.append(_differing(charge, STATUS, charge.status, theirs))
    return found


def _can_still_be_paid(payment: Payment, charge: Charge) -> bool:
    """Return whether a charge is over, and this PaymentIntent of it could take money yet."""
    is_over = charge.status in _UNPAID or (
        charge.status == SUCCEEDED and charge.stripe_payment_intent_id != payment.id
    )
    return is_over and payment.status not in {"canceled", "succeeded"}


def _is_level(ours: str, theirs: str) -> bool:
    """Return whether two statuses say the same of the money: paid, not to be paid, or open.

    Failed, canceled and abandoned are words for one fact; a PaymentIntent that is being processed
    is open like one that waits for its holder.
    """
    both = {ours, theirs}
    return len(both) == 1 or both <= _UNPAID or both == {REQUIRES_ACTION, PENDING}


def _values_of(name: str, charge: Charge, payment: Payment) -> tuple[object, object]:
    if name == "metadata":
        return charge.reference, payment.metadata.get("charge")
    ours = {
        "customer": queries.get_customer(charge),
        "currency": charge.currency,
    }
    return ours.get(name, charge.amount_minor), getattr(payment, name)


def _mended(job: Job, payment: Payment, charge: Charge) -> list[Difference]:
    """Record the status; anything else about money is for a person to decide."""
    found = differences(payment, charge)
    if job.dry_run or not found:
        return found
    # Of two payments of one page the other may just have been recorded.
    found = differences(payment, _fresh(charge))
    apply_payment(charge.id, payment, actor=job.actor)
    payment = _cancel_leftover(job, payment, _fresh(charge))
    left = {each.field for each in differences(payment, _fresh(charge))}
    result = [replace(each, fixed=each.field not in left) for each in found]
    if left:
        _tell(charge, payment, result, actor=job.actor)
    return result


def _cancel_leftover(job: Job, payment: Payment, charge: Charge) -> Payment:
    """Cancel a PaymentIntent of ours that nobody waits for, as its charge is over and unpaid.

    The answer to its creation was lost, and the charge was given up: it was never confirmed.
    """
    if find_payment_disagreements(charge, payment) or not _can_still_be_paid(payment, charge):
        return payment
    closed = close_payment_intent(job.gateway, payment.id)
    note_closed(charge.id)
    return closed


def _fresh(charge: Charge) -> Charge:
    row = db.session.get_one(Charge, charge.id, populate_existing=True)
    end_read()
    return row


def _tell(charge: Charge, payment: Payment, found: list[Difference], *, actor: str) -> None:
    fields = ", ".join(each.field for each in found if not each.fixed)
    log.error("charge %s and %s do not agree: %s", charge.id, payment.id, fields)
    flag(charge, FACTS_DISAGREE, f"it and {payment.id} do not agree: {fields}", actor=actor)


def _unlisted(job: Job, at: Window, tally: Tally) -> Window | None:
    """Judge successful charges that no page showed, at most one of them by a call."""
    rows = _rows(at)
    for charge in rows:
        key = str(charge.stripe_payment_intent_id)
        if key in at.listed:
            continue
        known = not at.given_up and _looked(job, charge, key, tally)
        if not known:
            _gone(job, charge, tally)
        return at.judged(charge.created_at, key, in_vain=not known)
    if len(rows) < BATCH:
        return at.closed()
    return at.judged(rows[-1].created_at, str(rows[-1].stripe_payment_intent_id))


def _rows(at: Window) -> list[Charge]:
    key: Any = Charge.stripe_payment_intent_id
    query = sa.select(Charge).where(Charge.status == SUCCEEDED, key.is_not(None))
    rows = list(db.session.scalars(window.batch(query, at, made=Charge.created_at, key=key)))
    end_read()
    return rows


def _looked(job: Job, charge: Charge, intent: str, tally: Tally) -> bool:
    """Look at a payment by itself; False when Stripe does not have it."""
    try:
        payment = job.gateway.get_payment(intent)
    except Rejected as error:
        if error.code != GONE:
            raise
        return False
    _settle(job, payment, charge, tally)
    return True


def _gone(job: Job, charge: Charge, tally: Tally) -> None:
    tally.seen += 1
    tally.found([_differing(charge, ROW, charge.status, None)])
    log.error("Stripe does not know the payment of charge %s", charge.id)
    if not job.dry_run:
        flag(charge, NOT_AT_STRIPE, "Stripe does not know its payment", actor=job.actor)


def _differing(charge: Charge, field: str, ours: object, theirs: object) -> Difference:
    told = None if theirs is None else str(theirs)
    return Difference("charge", str(charge.id), field, str(ours), told)
