"""Events of the platform's account, applied by their object, in whatever order they come."""

from __future__ import annotations

from typing import Any

from payments.gateway import results
from payments.gateway.billing_results import reference
from payments.gateway.errors import Rejected
from payments.gateway.gateway import platform
from payments.gateway.results import Payment
from payments.installation.names import INSTALLATION, is_own_metadata
from payments.kit.db import db
from payments.kit.transactions import end_read, transaction
from payments.timeline.append import append
from payments.workspaces import queries
from payments.workspaces.anomalies import (
    has_anomaly,
    report_dispute,
    report_foreign_refund,
    report_foreign_setup,
    report_unknown_row,
    settle_refunded_anomaly,
)
from payments.workspaces.charges.action import apply_payment
from payments.workspaces.charges.give_up import release_blocked_charge
from payments.workspaces.customers import forget_customer
from payments.workspaces.disputes.refresh import refresh_dispute
from payments.workspaces.models import Charge
from payments.workspaces.models.charges import SUCCEEDED
from payments.workspaces.payment_methods.manage import drop_detached
from payments.workspaces.payment_methods.save import refresh_card
from payments.workspaces.payment_methods.setup import find_workspace_of_setup, save_completed
from payments.workspaces.refunds.record import adopt


def on_payment(intent: dict[str, Any], actor: str) -> None:
    """Record a PaymentIntent that changed.

    It is matched by the random names in its metadata, so even an event that overtakes our own
    call's answer finds its charge.
    """
    payment = results.payment_of_event(intent)
    charge_id = _find_charge_of(payment, actor)
    if charge_id is None:
        return
    if payment.status != "succeeded":
        # An event may be late: its holder may have tried again, and paid, since.
        payment = _get_present(payment)
    apply_payment(charge_id, payment, actor=actor)


def _get_present(payment: Payment) -> Payment:
    """Return the PaymentIntent as it is now; as the event had it when Stripe does not know it."""
    try:
        return platform().get_payment(payment.id)
    except Rejected as error:
        if not error.is_missing:
            raise
        return payment


def on_refunded_charge(stripe_charge: dict[str, Any], actor: str) -> None:
    """Money went back, here or in Stripe's dashboard: take over Stripe's own list."""
    _adopt_refunds(reference(stripe_charge.get("payment_intent")), actor)


def on_refund(refund: dict[str, Any], actor: str) -> None:
    """A refund was made, paid out or has failed: take over Stripe's own list."""
    intent, metadata = reference(refund.get("payment_intent")), refund.get("metadata") or {}
    row = queries.find_refund_by_reference(metadata.get("refund") or "")
    if row is not None and intent is not None and is_own_metadata(metadata):
        charge = db.session.get_one(Charge, row.charge_id)
        if charge.stripe_payment_intent_id != intent:
            report_foreign_refund(row.id, intent, actor=actor)
    _adopt_refunds(intent, actor)


def _adopt_refunds(intent: str | None, actor: str) -> None:
    """Take over the refunds of the PaymentIntent that a charge was paid with, and of no other.

    One that stands apart, such as a charge's second payment, is settled by its refund.
    """
    if intent is None:
        return
    known = queries.charge_of_payment(intent)
    charge_id = known.id if known is not None and known.status == SUCCEEDED else None
    end_read()
    if charge_id is None and settle_refunded_anomaly(intent, actor=actor):
        release_blocked_charge(intent, actor=actor)
    elif charge_id is None:
        charge_id = _record_refunded_payment(intent, actor)
    if charge_id is not None:
        adopt(charge_id, platform().list_refunds(intent), actor=actor)


def _record_refunded_payment(intent: str, actor: str) -> int | None:
    """Return the charge that a PaymentIntent has paid; None when it is no charge's.

    A refund may be told of before its payment is: then the payment is asked for and comes first.
    One that turns out to settle nothing, such as a second payment, is closed by its refund.
    """
    payment = platform().get_payment(intent)
    charge_id = _find_charge_of(payment, actor)
    if charge_id is None:
        return None
    apply_payment(charge_id, payment, actor=actor)
    paid = db.session.get_one(Charge, charge_id, populate_existing=True)
    is_paid_with = paid.stripe_payment_intent_id == intent
    end_read()
    if not is_paid_with:
        settle_refunded_anomaly(intent, actor=actor)
    return charge_id if is_paid_with else None


def _find_charge_of(payment: Payment, actor: str) -> int | None:
    """Return the id of the charge whose names the PaymentIntent bears, or whose id is stored.

    Whether its facts are the charge's is checked where it is recorded.
    """
    charge = queries.charge_of_payment(payment.id)
    is_own = is_own_metadata(payment.metadata)
    if charge is None and is_own:
        charge = queries.find_charge_by_reference(payment.metadata.get("charge", ""))
    if charge is None and INSTALLATION not in payment.metadata:
        charge = queries.find_legacy_charge(payment.metadata.get("charge_id", ""))
    charge_id = None if charge is None else charge.id
    end_read()
    if charge_id is None and is_own and payment.status == "succeeded":
        report_unknown_row(payment, actor=actor)
    return charge_id


def on_setup(intent: dict[str, Any], actor: str) -> None:
    """A card was set up, or could not be: save it should the browser never come back."""
    setup = results.setup_of_event(intent)
    workspace = find_workspace_of_setup(setup)
    if workspace is None:
        end_read()
        if setup.status == "succeeded" and is_own_metadata(setup.metadata):
            report_foreign_setup(setup, actor=actor)
        return
    if intent["status"] == "succeeded":
        save_completed(workspace, setup, actor=actor)
    else:
        _note_failed_setup(workspace.id, intent, actor)


def _note_failed_setup(workspace_id: int, intent: dict[str, Any], actor: str) -> None:
    code = (intent.get("last_setup_error") or {}).get("code")
    with transaction():
        append(
            "payment_method.setup_failed",
            actor=actor,
            subject=f"workspace:{workspace_id}",
            workspace_id=workspace_id,
            stripe_id=intent["id"],
            code=code,
        )


def on_customer_deleted(customer: dict[str, Any], actor: str) -> None:
    """A customer was deleted at Stripe, for good: the workspace gets another at the next need."""
    workspace = queries.find_workspace_of_customer(customer["id"])
    if workspace is not None:
        forget_customer(workspace.id, customer["id"], actor=actor)


def on_detached(method: dict[str, Any], actor: str) -> None:
    """A card was detached in Stripe's dashboard: nobody can be charged on it again."""
    drop_detached(method["id"], actor=actor)


def on_card_updated(method: dict[str, Any], actor: str) -> None:
    """The issuer renewed a card: ask for its present state, as these events carry no order."""
    if queries.find_stripe_method(method["id"]) is None:
        return
    end_read()
    refresh_card(platform().get_card(method["id"]), actor=actor)


def on_dispute(dispute: dict[str, Any], actor: str) -> None:
    """A payment is disputed, or its dispute moved on: ask how it stands now.

    https://docs.stripe.com/api/events/types#event_types-charge.dispute.created
    """
    intent = dispute.get("payment_intent")
    if intent is None:
        return
    if queries.charge_of_payment(intent) is not None:
        refresh_dispute(dispute["id"], actor=actor)
    elif has_anomaly(intent):
        end_read()
        report_dispute(platform().get_dispute(dispute["id"]), actor=actor)
