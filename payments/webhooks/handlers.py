"""What each type of event of the platform's own account means to us."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from payments.workspaces import events

Handler = Callable[[dict[str, Any], str], None]

HANDLERS: dict[str, Handler] = {
    "payment_intent.succeeded": events.on_payment,
    "payment_intent.payment_failed": events.on_payment,
    "payment_intent.canceled": events.on_payment,
    "payment_intent.requires_action": events.on_payment,
    "payment_intent.processing": events.on_payment,
    "charge.refunded": events.on_refunded_charge,
    "refund.created": events.on_refund,
    "refund.updated": events.on_refund,
    "refund.failed": events.on_refund,
    "charge.refund.updated": events.on_refund,
    "customer.deleted": events.on_customer_deleted,
    "setup_intent.succeeded": events.on_setup,
    "setup_intent.setup_failed": events.on_setup,
    "payment_method.detached": events.on_detached,
    "payment_method.updated": events.on_card_updated,
    "payment_method.automatically_updated": events.on_card_updated,
    "charge.dispute.created": events.on_dispute,
    "charge.dispute.updated": events.on_dispute,
    "charge.dispute.closed": events.on_dispute,
    "charge.dispute.funds_withdrawn": events.on_dispute,
    "charge.dispute.funds_reinstated": events.on_dispute,
}


def handle(event: dict[str, Any]) -> None:
    """Apply an event; a type that is not ours is kept in the inbox and means no work."""
    handler = HANDLERS.get(event["type"])
    if handler is not None:
        handler(event["data"]["object"], f"event:{event['id']}")
