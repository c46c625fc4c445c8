"""Give a charge up that is not settled: cancel it at Stripe first, so that it cannot be paid."""

from __future__ import annotations

from payments.gateway.errors import Rejected
from payments.gateway.gateway import Gateway, platform
from payments.kit.db import db
from payments.kit.transactions import end_read
from payments.workspaces import errors, queries
from payments.workspaces.anomalies import is_settled_by_person
from payments.workspaces.charges.action import GONE, apply_payment, close_payment_intent
from payments.workspaces.charges.lookup import find_payment_intent
from payments.workspaces.charges.record import record_outcome
from payments.workspaces.guards import Access
from payments.workspaces.models import Charge
from payments.workspaces.models.charges import ABANDONED, CANCELED, OPEN


def cancel(access: Access, charge_id: int) -> None:
    """Give up a charge of a workspace, so that another card can be tried.

    ChargeNotFound, or ChargeNotCancelable when it is settled or was paid in another window a
    moment ago.
    """
    charge = queries.find_charge(access.workspace.id, charge_id)
    if charge is None:
        raise errors.ChargeNotFound
    give_up_charge(charge_id, actor=access.actor)


def give_up_charge(charge_id: int, *, actor: str) -> None:
    """Cancel the charge's PaymentIntent and record what Stripe answers.

    A charge without a stored PaymentIntent is abandoned: whatever a worker may be creating for it
    just now is never confirmed, as storing its id fails. Raises ChargeNotCancelable when the
    charge is settled, or one of the gateway's errors when Stripe cannot be asked: then nothing
    has changed and it can be tried again.
    """
    charge = db.session.get_one(Charge, charge_id, populate_existing=True)
    intent, was_called = charge.stripe_payment_intent_id, charge.first_called_at is not None
    if charge.status not in OPEN:
        raise errors.ChargeNotCancelable
    end_read()
    gateway = platform()
    if intent is None and was_called:
        found = find_payment_intent(gateway, charge_id)
        intent = found.id if found else None
    if intent is None:
        record_outcome(charge_id, GONE, actor=actor, only_without_intent=True)
    else:
        _cancel_at_stripe(gateway, charge_id, intent, actor)
    end_read()
    if db.session.get_one(Charge, charge_id).status not in {CANCELED, ABANDONED}:
        raise errors.ChargeNotCancelable


def release_blocked_charge(payment_intent: str, *, actor: str) -> None:
    """Abandon an open charge whose stored PaymentIntent is settled by a person.

    Its facts disagree with the charge's, so it was not recorded; it took money and gave it back,
    or is canceled. Until then nothing else may be charged for the workspace.
    """
    charge = queries.charge_of_payment(payment_intent)
    is_blocked = charge is not None and charge.status in OPEN
    charge_id = charge.id if charge is not None else 0
    is_settled = is_blocked and is_settled_by_person(payment_intent)
    end_read()
    if is_settled and platform().get_payment(payment_intent).status in {"succeeded", "canceled"}:
        record_outcome(charge_id, GONE, actor=actor)


def _cancel_at_stripe(gateway: Gateway, charge_id: int, intent: str, actor: str) -> None:
    try:
        closed = close_payment_intent(gateway, intent)
    except Rejected as error:
        if not error.is_missing:
            raise
        # Test data was wiped, or the key is another account's now: nothing is left to cancel.
        record_outcome(charge_id, GONE, actor=actor)
        return
    apply_payment(charge_id, closed, actor=actor)
    if closed.status == "canceled":
        # Should its facts disagree it was not recorded, and yet it can take no money any more.
        record_outcome(charge_id, GONE, actor=actor)
