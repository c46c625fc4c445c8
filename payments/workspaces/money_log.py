"""One log line for each charge and refund that comes to an outcome, once it is committed."""

from __future__ import annotations

import logging

from payments.kit.transactions import after_commit
from payments.workspaces.models import Charge, Refund

log = logging.getLogger(__name__)


def log_settled_charge(charge: Charge, *, actor: str) -> None:
    """Log, after the commit, what became of a charge; amounts are in minor units."""
    fields = {
        "charge": charge.id,
        "workspace": charge.workspace_id,
        "invoice": charge.invoice_id,
        "amount_minor": charge.amount_minor,
        "currency": charge.currency,
        "status": charge.status,
        "code": charge.decline_code or charge.error_code,
        "stripe_payment_intent_id": charge.stripe_payment_intent_id,
        "actor": actor,
    }
    _log_later("charge", fields)


def log_settled_refund(refund: Refund, *, actor: str) -> None:
    """Log, after the commit, what became of a refund; amounts are in minor units."""
    fields = {
        "refund": refund.id,
        "charge": refund.charge_id,
        "workspace": refund.workspace_id,
        "invoice": refund.invoice_id,
        "amount_minor": refund.amount_minor,
        "currency": refund.currency,
        "status": refund.status,
        "code": refund.error_code,
        "stripe_refund_id": refund.stripe_refund_id,
        "actor": actor,
    }
    _log_later("refund", fields)


def _log_later(what: str, fields: dict[str, object]) -> None:
    text = f"{what} {fields[what]} {fields['status']}"
    after_commit(lambda: log.info("%s", text, extra={"fields": fields}))
