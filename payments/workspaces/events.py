"""Events of the platform's account, applied by their object, in whatever order they come."""

from __future__ import annotations

from typing import Any

from payments.gateway import results
from payments.gateway.gateway import platform
from payments.kit.db import db
from payments.kit.transactions import end_read, transaction
from payments.timeline.append import append
from payments.workspaces import queries
from payments.workspaces.charges.action import apply_payment
from payments.workspaces.disputes.refresh import refresh_dispute
from payments.workspaces.models import Charge, Workspace
from payments.workspaces.models.charges import SUCCEEDED
from payments.workspaces.payment_methods.manage import drop_detached
from payments.workspaces.payment_methods.save import refresh_card
from payments.workspaces.payment_methods.setup import save_completed
from payments.workspaces.refunds.record import adopt


def on_payment(intent: dict[str, Any], actor: str) -> None:
    """A PaymentIntent changed: record it. It is matched by our metadata, so even an event that
    overtakes our own call's answer finds its charge."""
    payment = results.payment_of_event(intent)
    charge = _charge_of(payment.id, payment.metadata)
    if charge is not None:
        charge_id = charge.id
        end_read()
        apply_payment(charge_id, payment, actor=actor)


def on_refunded_charge(stripe_charge: dict[str, Any], actor: str) -> None:
    """Money went back, here or in Stripe's dashboard: take over Stripe's own list."""
    _adopt_refunds(stripe_charge.get("payment_intent"), actor)


def on_refund(refund: dict[str, Any], actor: str) -> None:
    """A refund was made, paid out or has failed: take over Stripe's own list."""
    _adopt_refunds(refund.get("payment_intent"), actor)


def _adopt_refunds(intent: str | None, actor: str) -> None:
    charge_id = None if intent is None else _paid_charge(intent, actor)
    if charge_id is None or intent is None:
        return
    end_read()
    listed = platform().list_refunds(intent)
    adopt(db.session.get_one(Charge, charge_id), listed, actor=actor)


def _paid_charge(intent: str, actor: str) -> int | None:
    """Return our charge behind a PaymentIntent, recorded as paid; None when it is not ours.

    A refund may be told of before its payment is: then the payment is asked for and comes first.
    """
    known = queries.charge_of_payment(intent)
    if known is not None and known.status == SUCCEEDED:
        return known.id
    end_read()
    payment = platform().get_payment(intent)
    charge = _charge_of(payment.id, payment.metadata)
    if charge is None:
        return None
    charge_id = charge.id
    end_read()
    apply_payment(charge_id, payment, actor=actor)
    return charge_id


def _charge_of(intent: str, metadata: dict[str, str]) -> Charge | None:
    known = queries.charge_of_payment(intent)
    if known is not None:
        return known
    charge_id, workspace_id = (
        _number(metadata.get(name)) for name in ("charge_id", "workspace_id")
    )
    return (
        None
        if charge_id is None or workspace_id is None
        else queries.find_charge(workspace_id, charge_id)
    )


def on_setup(intent: dict[str, Any], actor: str) -> None:
    """A card was set up, or could not be: save it should the browser never come back."""
    workspace = _workspace_of(intent)
    if workspace is None:
        return
    if intent["status"] == "succeeded":
        save_completed(workspace, results.setup_of_event(intent), actor=actor)
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


def _workspace_of(intent: dict[str, Any]) -> Workspace | None:
    workspace_id = _number((intent.get("metadata") or {}).get("workspace_id"))
    return None if workspace_id is None else db.session.get(Workspace, workspace_id)


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
    if intent is not None and queries.charge_of_payment(intent) is not None:
        refresh_dispute(dispute["id"], actor=actor)


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() and len(text) < 19 else None
