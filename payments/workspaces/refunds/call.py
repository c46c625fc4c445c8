"""Call: ask Stripe to give a reserved refund back, with no transaction open meanwhile."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from payments.gateway.errors import BadCredentials, Declined, GatewayError, Rejected
from payments.gateway.gateway import Gateway, platform
from payments.gateway.results import RefundResult
from payments.kit import steps
from payments.kit.db import db
from payments.kit.repeat import repeated
from payments.kit.transactions import transaction
from payments.workspaces import attempts
from payments.workspaces.attempts import Attempt
from payments.workspaces.models import Charge, Refund
from payments.workspaces.models.charges import FAILED
from payments.workspaces.refunds.record import RefundOutcome, of_result, record

log = logging.getLogger(__name__)

EXPIRED = RefundOutcome(FAILED, None, "expired", "The refund could not be made in time.")


@dataclass(frozen=True)
class Order:
    """What Stripe is told about a refund."""

    payment_intent: str
    amount: int
    metadata: dict[str, str]


def run(refund_id: int) -> None:
    """Drive a pending refund to an outcome; do nothing when another worker holds it."""
    claimed = _claimed(refund_id)
    if claimed is None:
        return
    steps.passed("refund.claimed")
    attempt, order = claimed
    outcome: RefundOutcome | None
    try:
        outcome = _asked(attempt, order)
    except GatewayError as error:
        outcome = _decided(attempt, error)
    if outcome is not None:
        record(refund_id, outcome, actor="worker")


@repeated
def _claimed(refund_id: int) -> tuple[Attempt, Order] | None:
    with transaction():
        attempt = attempts.claim(Refund, refund_id)
        return None if attempt is None else (attempt, _order(refund_id))


def _order(refund_id: int) -> Order:
    refund = db.session.get_one(Refund, refund_id)
    charge = db.session.get_one(Charge, refund.charge_id)
    metadata = {"workspace_id": str(refund.workspace_id), "refund_id": str(refund.id)}
    return Order(charge.stripe_payment_intent_id or "", refund.amount_minor, metadata)


def _asked(attempt: Attempt, order: Order) -> RefundOutcome:
    gateway = platform()
    if attempt.stale:
        return EXPIRED
    if not attempt.look_first:
        return _refunded(gateway, order, attempt.key)
    found = _find(gateway.list_refunds(order.payment_intent), attempt.row_id)
    if found is not None:
        return of_result(found)
    return EXPIRED if attempt.too_old else _refunded(gateway, order, attempts.next_attempt(attempt))


def _find(listed: list[RefundResult], refund_id: int) -> RefundResult | None:
    return next((r for r in listed if r.metadata.get("refund_id") == str(refund_id)), None)


def _refunded(gateway: Gateway, order: Order, key: str) -> RefundOutcome:
    steps.passed("refund.calling")
    made = gateway.refund(
        order.payment_intent, amount=order.amount, metadata=order.metadata, key=key
    )
    steps.passed("refund.answered")
    return of_result(made)


def _decided(attempt: Attempt, error: GatewayError) -> RefundOutcome | None:
    """Turn one of the six errors into an outcome; None when the refund has to come back."""
    match error:
        case Rejected(key_reused=False) | Declined():
            log.error("Stripe rejected refund %s: %s", attempt.row_id, error.message)
            return RefundOutcome(FAILED, None, error.code or "stripe_error", error.message)
        case BadCredentials() if not attempt.uncertain:
            log.error("the platform's Stripe key was refused: %s", error.code)
            return RefundOutcome(FAILED, None, "stripe_not_configured", error.message)
    attempts.postpone(attempt, error)
    return None
