"""Ask Stripe to give a reserved refund back, under one key, with no transaction open meanwhile."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from payments.gateway.client import wait_as_worker
from payments.gateway.errors import BadCredentials, Declined, GatewayError, Rejected
from payments.gateway.gateway import Gateway, platform
from payments.gateway.results import RefundResult
from payments.installation.names import make_idempotency_key, make_metadata
from payments.kit import steps
from payments.kit.db import db
from payments.kit.repeat import repeated
from payments.kit.transactions import end_read, transaction
from payments.workspaces import attempts
from payments.workspaces.attempts import Attempt, LeaseLost
from payments.workspaces.models import Charge, Refund
from payments.workspaces.models.charges import ABANDONED, FAILED, REFUND_ELSEWHERE
from payments.workspaces.refunds.lookup import find_foreign_refund, find_own_refund
from payments.workspaces.refunds.record import (
    RefundOutcome,
    adopt,
    record_refund_outcome,
    record_refund_result,
)

log = logging.getLogger(__name__)

EXPIRED = RefundOutcome(ABANDONED, None, "expired", "The refund could not be made in time.")


@dataclass(frozen=True)
class Order:
    """What Stripe is told about a refund; `amount` in minor units."""

    reference: str
    charge_id: int
    payment_intent: str
    amount: int
    metadata: dict[str, str]


def run(refund_id: int) -> None:
    """Drive a pending refund to an outcome; do nothing when another worker holds it.

    There is one key for a refund and never a second one: before it is sent again, Stripe's
    refunds of the payment are read and compared with our rows.
    """
    claimed = _claim_refund(refund_id)
    if claimed is None:
        return
    steps.passed("refund.claimed")
    attempt, order = claimed
    try:
        with wait_as_worker():
            _settle(attempt, _drive(attempt, order))
    except LeaseLost:
        log.warning("refund %s was taken over or settled meanwhile", refund_id)


@repeated
def _claim_refund(refund_id: int) -> tuple[Attempt, Order] | None:
    with transaction():
        attempt = attempts.claim(Refund, refund_id)
        return None if attempt is None else (attempt, _read_order(refund_id))


def _read_order(refund_id: int) -> Order:
    refund = db.session.get_one(Refund, refund_id)
    charge = db.session.get_one(Charge, refund.charge_id)
    return Order(
        reference=refund.reference,
        charge_id=charge.id,
        payment_intent=charge.stripe_payment_intent_id or "",
        amount=refund.amount_minor,
        metadata=make_metadata(refund=refund.reference, charge=charge.reference),
    )


def _drive(attempt: Attempt, order: Order) -> RefundResult | RefundOutcome | None:
    """Return what became of the refund at Stripe; None when it has to come back."""
    try:
        gateway = platform()
        if attempt.uncertain:
            found = _compare_with_stripe(gateway, attempt, order)
            if found is not None:
                return found
        if attempt.too_old:
            return EXPIRED
        if attempt.uncertain and _is_made_elsewhere(attempt):
            attempts.put_back(attempt)
            return None
        return _send(gateway, attempt, order)
    except GatewayError as error:
        return _decide(attempt, error)


def _settle(attempt: Attempt, result: RefundResult | RefundOutcome | None) -> None:
    if isinstance(result, RefundOutcome):
        record_refund_outcome(attempt.row_id, result, actor="worker", fence=attempt.fence)
    elif result is not None:
        record_refund_result(attempt.row_id, result, actor="worker")
        attempts.put_back(attempt)  # nothing, unless it did not agree with the row


def _compare_with_stripe(gateway: Gateway, attempt: Attempt, order: Order) -> RefundResult | None:
    """Return our refund if Stripe has made it; rows are made for those of others."""
    listed = gateway.list_refunds(order.payment_intent)
    found = find_own_refund(attempt.row_id, listed)
    others = [made for made in listed if made is not found]
    if others:
        adopt(order.charge_id, others, actor="worker")
    end_read()
    return found


def _is_made_elsewhere(attempt: Attempt) -> bool:
    """Return whether somebody gave the same amount back since we first asked; ask a person then.

    Our own request may be what they made up for: sending it again could pay twice.
    """
    made = find_foreign_refund(attempt.row_id)
    end_read()
    if made is not None:
        reason = f"{made} over the same amount was made elsewhere meanwhile"
        attempts.flag(attempt, REFUND_ELSEWHERE, reason)
    return made is not None


def _send(gateway: Gateway, attempt: Attempt, order: Order) -> RefundResult | RefundOutcome:
    held_until = attempts.renew(attempt)
    steps.passed("refund.calling")
    attempts.check_lease(held_until)
    key = make_idempotency_key("refund", order.reference)
    try:
        made = gateway.refund(
            order.payment_intent, amount=order.amount, metadata=order.metadata, key=key
        )
    except (Rejected, Declined) as error:
        return _resolve_refusal(gateway, attempt, order, error)
    steps.passed("refund.answered")
    return made


def _resolve_refusal(
    gateway: Gateway, attempt: Attempt, order: Order, error: Rejected | Declined
) -> RefundResult | RefundOutcome:
    """Look once more before a refund that may have been made is called refused."""
    if isinstance(error, Rejected) and error.key_reused:
        raise error
    found = _compare_with_stripe(gateway, attempt, order) if attempt.uncertain else None
    if found is not None:
        return found
    log.error("Stripe refused refund %s: %s", attempt.row_id, error.message)
    return RefundOutcome(FAILED, None, error.code or "stripe_error", error.message)


def _decide(attempt: Attempt, error: GatewayError) -> RefundOutcome | None:
    """Turn an error into an outcome; None when the refund has to come back."""
    if isinstance(error, BadCredentials) and not attempt.uncertain:
        log.error("the platform's Stripe key was refused: %s", error.code)
        return RefundOutcome(FAILED, None, "stripe_not_configured", error.message)
    attempts.postpone(attempt, error)
    return None
