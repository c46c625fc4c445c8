"""Disputes on the wire, inside the charge or the invoice whose payment is disputed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from marshmallow import fields

from payments.kit import money
from payments.kit.http import CamelSchema, Moment
from payments.workspaces.disputes.read import choose_dispute
from payments.workspaces.models import Dispute


class ChargeDisputeSchema(CamelSchema):
    """A dispute of a charge; `amount` in minor units, `status` and `reason` in Stripe's words."""

    status = fields.String()
    reason = fields.String()
    amount = fields.Integer(attribute="amount_minor")
    currency = fields.String()
    is_inquiry = fields.Boolean()
    response_due_at = Moment(allow_none=True)


class InvoiceDisputeSchema(ChargeDisputeSchema):
    """A dispute of an invoice's payment; `amount` in major units."""

    amount = fields.Method("_amount", metadata={"type": "number"})  # type: ignore[assignment]

    def _amount(self, dispute: Dispute) -> Decimal:
        return money.to_major(dispute.amount_minor, dispute.currency)


class ChosenDispute(fields.Nested):
    """Of a payment's disputes the one to show, null when there is none."""

    def __init__(self, nested: type[ChargeDisputeSchema]) -> None:
        super().__init__(nested, attribute="disputes", allow_none=True, dump_only=True)

    def get_value(self, obj: Any, attr: str, *args: Any, **kwargs: Any) -> Dispute | None:
        """Return the dispute that is shown of the charge's or the invoice's."""
        return choose_dispute(super().get_value(obj, attr, *args, **kwargs))
