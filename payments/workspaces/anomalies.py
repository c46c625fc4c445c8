"""Store what claims to be ours at Stripe and is not applied, and give its money back on demand."""

from __future__ import annotations

import logging

import sqlalchemy as sa

from payments.gateway.errors import Rejected
from payments.gateway.gateway import platform
from payments.gateway.results import Dispute, Payment, Setup
from payments.installation.models import new_reference
from payments.installation.names import make_idempotency_key, make_metadata
from payments.kit import clock
from payments.kit.db import db
from payments.kit.repeat import repeated
from payments.kit.transactions import end_read, transaction
from payments.timeline.append import append
from payments.workspaces.attention import clear_flag, flag_row
from payments.workspaces.models import Charge, Refund, StripeAnomaly
from payments.workspaces.models.anomalies import (
    DISMISSED,
    DISPUTED_PAYMENT,
    DUPLICATE,
    MISMATCH,
    REFUNDED,
    UNKNOWN_ROW,
)
from payments.workspaces.models.charges import FACTS_DISAGREE, PAID_TWICE

log = logging.getLogger(__name__)

_CODES = {DUPLICATE: PAID_TWICE, MISMATCH: FACTS_DISAGREE}
_ALREADY_REFUNDED = "charge_already_refunded"


class AnomalyNotRefundable(Exception):
    """There is no such anomaly, it is resolved, or no money was taken for it."""


def report_mismatch(charge: Charge, payment: Payment, wrong: list[str], *, actor: str) -> None:
    """Store a PaymentIntent whose facts are not the charge's, inside the caller's transaction."""
    reason = f"{payment.id} does not agree about {', '.join(wrong)}"
    _add_anomaly(MISMATCH, payment, charge, reason, actor)
    if not is_settled_by_person(payment.id):
        flag_row(charge, FACTS_DISAGREE, reason, actor=actor)


def report_duplicate(charge: Charge, payment: Payment, *, actor: str) -> None:
    """Store a second successful payment for a charge, inside the caller's transaction."""
    reason = f"it was paid by {charge.stripe_payment_intent_id} and by {payment.id}"
    if _add_anomaly(DUPLICATE, payment, charge, reason, actor):
        append(
            "charge.paid_twice",
            actor=actor,
            subject=f"charge:{charge.id}",
            workspace_id=charge.workspace_id,
            stripe_id=payment.id,
            amount_minor=payment.amount_received,
            currency=payment.currency,
        )
        log.error("charge %s was paid twice: %s", charge.id, reason)
        flag_row(charge, PAID_TWICE, reason, actor=actor)


@repeated
def report_unknown_row(payment: Payment, *, actor: str) -> None:
    """Store a PaymentIntent that this installation made for a row which is not here (any more).

    So it is after a database was restored: docs/restore.md says what to do.
    """
    with transaction():
        number = payment.metadata.get("invoice_number", "unknown")
        reason = f"it was made for a charge that is not here (invoice {number})"
        if _add_anomaly(UNKNOWN_ROW, payment, None, reason, actor):
            log.error("%s: %s", payment.id, reason)


@repeated
def report_foreign_setup(setup: Setup, *, actor: str) -> None:
    """Store a SetupIntent that bears our names and is not of the workspace's present customer."""
    with transaction():
        reason = "its card was set up for a customer that no workspace has"
        if _add_anomaly(MISMATCH, setup, None, reason, actor):
            log.error("%s: %s", setup.id, reason)


@repeated
def report_foreign_refund(refund_id: int, payment_intent: str, *, actor: str) -> None:
    """Flag a refund whose name stands on money of another PaymentIntent than its charge's."""
    with transaction():
        refund = db.session.get_one(Refund, refund_id, with_for_update=True)
        reason = f"its name stands on a refund of {payment_intent}"
        flag_row(refund, FACTS_DISAGREE, reason, actor=actor)


@repeated
def report_dispute(dispute: Dispute, *, actor: str) -> None:
    """Store a dispute of a payment that settles nothing here; dismissed once it is answered."""
    with transaction():
        known = _find_all(dispute.payment_intent or "")
        if not known or _find_all(dispute.id):
            return
        reason = f"{dispute.payment_intent}, which settles nothing here, is disputed"
        db.session.add(
            StripeAnomaly(
                kind=DISPUTED_PAYMENT,
                stripe_id=dispute.id,
                workspace_id=known[0].workspace_id,
                charge_id=known[0].charge_id,
                status=dispute.status,
                amount_minor=dispute.amount,
                currency=dispute.currency,
                reason=reason,
                found_by=actor,
            )
        )
        log.error("%s: %s", dispute.id, reason)


def find_unresolved(stripe_id: str) -> StripeAnomaly | None:
    """Return the anomaly of an object at Stripe that still waits for a person."""
    return next((found for found in _find_all(stripe_id) if found.resolved_at is None), None)


def has_anomaly(stripe_id: str) -> bool:
    """Return whether an object at Stripe was ever stored and not applied."""
    return bool(_find_all(stripe_id))


def is_settled_by_person(stripe_id: str) -> bool:
    """Return whether an object was stored, and a person has refunded or dismissed it since."""
    found = _find_all(stripe_id)
    return bool(found) and all(each.resolved_at is not None for each in found)


def list_unresolved() -> list[StripeAnomaly]:
    """Return the anomalies that wait for a person, the oldest first."""
    query = sa.select(StripeAnomaly).where(StripeAnomaly.resolved_at.is_(None))
    return list(db.session.scalars(query.order_by(StripeAnomaly.id)))


def refund_anomaly(payment_intent: str, *, actor: str) -> bool:
    """Give back all that a payment took which settles nothing here; return whether it is back.

    Stripe gives back no more than is left, so asking again refunds once. AnomalyNotRefundable, or
    one of the gateway's errors.
    """
    found = find_unresolved(payment_intent)
    if found is None or found.status != "succeeded":
        raise AnomalyNotRefundable(payment_intent)
    end_read()
    try:
        platform().refund(
            payment_intent,
            amount=None,
            metadata=make_metadata(),
            # A refusal is stored under its key, and there may be money on the balance by now.
            key=make_idempotency_key("anomaly", payment_intent, "refund", new_reference()),
        )
    except Rejected as error:
        if error.code != _ALREADY_REFUNDED:
            raise
    settle_refunded_anomaly(payment_intent, actor=actor)
    return find_unresolved(payment_intent) is None


def settle_refunded_anomaly(payment_intent: str, *, actor: str) -> bool:
    """Bring an anomaly level with the refunds of its payment; False when there is none.

    It is resolved once all has gone back, whoever gave it, and open again when a refund fails.
    """
    known = _find_all(payment_intent)
    if not known:
        return False
    was_refunded = any(found.resolution == REFUNDED for found in known)
    end_read()
    gateway = platform()
    payment, made = gateway.get_payment(payment_intent), gateway.list_refunds(payment_intent)
    given = sum(refund.amount for refund in made if refund.status == "succeeded")
    if given >= payment.amount_received > 0:
        resolve_anomalies(payment_intent, REFUNDED, actor=actor)
    elif was_refunded:
        _reopen(payment_intent, actor)
    return True


def dismiss_anomaly(payment_intent: str, *, actor: str) -> None:
    """Say that a person has looked and nothing is to be done."""
    resolve_anomalies(payment_intent, DISMISSED, actor=actor)


@repeated
def resolve_anomalies(stripe_id: str, resolution: str, *, actor: str) -> None:
    """Close what an object at Stripe was stored for, and take its charge's flag back."""
    with transaction():
        for anomaly in _find_all(stripe_id):
            if anomaly.resolved_at is None:
                anomaly.resolved_at, anomaly.resolution = clock.now(), resolution
                _note_resolved(anomaly, actor)
                _level_flag(anomaly)


@repeated
def _reopen(stripe_id: str, actor: str) -> None:
    with transaction():
        for anomaly in _find_all(stripe_id):
            anomaly.resolved_at = anomaly.resolution = None
            log.error("the refund of %s has failed", stripe_id)
            _level_flag(anomaly)
            if anomaly.charge_id is not None:
                charge = db.session.get_one(Charge, anomaly.charge_id)
                flag_row(charge, _CODES[anomaly.kind], anomaly.reason, actor=actor)


def _level_flag(anomaly: StripeAnomaly) -> None:
    db.session.flush()
    if anomaly.charge_id is not None:
        charge = db.session.get_one(Charge, anomaly.charge_id, with_for_update=True)
        if charge.attention_code in _CODES.values():
            clear_flag(charge)


def _find_all(stripe_id: str) -> list[StripeAnomaly]:
    query = sa.select(StripeAnomaly).where(StripeAnomaly.stripe_id == stripe_id)
    return list(db.session.scalars(query.order_by(StripeAnomaly.id)))


def _note_resolved(anomaly: StripeAnomaly, actor: str) -> None:
    append(
        f"anomaly.{anomaly.resolution}",
        actor=actor,
        subject=f"charge:{anomaly.charge_id}" if anomaly.charge_id else "installation",
        workspace_id=anomaly.workspace_id,
        stripe_id=anomaly.stripe_id,
        amount_minor=anomaly.amount_minor,
        currency=anomaly.currency,
    )


def _add_anomaly(
    kind: str, found: Payment | Setup, charge: Charge | None, reason: str, actor: str
) -> bool:
    """Store the anomaly, or bring its status up to date; return whether it is news."""
    query = sa.select(StripeAnomaly).where(
        StripeAnomaly.kind == kind, StripeAnomaly.stripe_id == found.id
    )
    known = db.session.scalars(query).one_or_none()
    if known is not None:
        return _update_anomaly(known, found)
    payment = found if isinstance(found, Payment) else None
    db.session.add(
        StripeAnomaly(
            kind=kind,
            stripe_id=found.id,
            workspace_id=charge.workspace_id if charge else None,
            charge_id=charge.id if charge else None,
            status=found.status,
            amount_minor=payment.amount_received if payment else None,
            currency=payment.currency if payment else None,
            reason=reason,
            found_by=actor,
        )
    )
    db.session.flush()
    return True


def _update_anomaly(known: StripeAnomaly, found: Payment | Setup) -> bool:
    """Take over a newer status; money that was taken is never unsaid by an older event.

    One that was dismissed before it took money is open again. Returns whether it is news.
    """
    if known.status in {found.status, "succeeded"}:
        return False
    known.status = found.status
    if isinstance(found, Payment):
        known.amount_minor = found.amount_received
    if found.status != "succeeded" or known.resolved_at is None:
        return False
    known.resolved_at = known.resolution = None
    db.session.flush()
    return True
