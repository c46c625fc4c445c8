"""Invoices and refunds on the wire: amounts in major units."""

from __future__ import annotations

from decimal import Decimal

from marshmallow import fields

from payments.invoices.models import Invoice
from payments.kit import money
from payments.kit.http import CamelSchema, Moment, Text
from payments.workspaces.models import Refund
from payments.workspaces.schemas.disputes import ChosenDispute, InvoiceDisputeSchema


class InvoiceSchema(CamelSchema):
    """An invoice, with the names and the card as they were when it was made."""

    id = fields.Integer()
    workspace_id = fields.Integer()
    stripe_payment_intent_id = fields.String(allow_none=True)
    stripe_invoice_id = fields.String(allow_none=True)
    invoice_number = fields.String()
    type = fields.String()
    status = fields.String()
    amount = fields.Method("_amount", metadata={"type": "number"})
    currency = fields.String()
    plan_id = fields.Integer()
    previous_plan_id = fields.Integer(allow_none=True)
    payment_method_id = fields.Integer(allow_none=True)
    description = fields.String()
    billing_period_start = Moment(allow_none=True)
    billing_period_end = Moment(allow_none=True)
    paid_at = Moment(allow_none=True)
    refunded_amount = fields.Method("_refunded", metadata={"type": "number"})
    created_at = Moment()
    updated_at = Moment()
    plan_name = fields.String()
    plan_slug = fields.String()
    previous_plan_name = fields.String(allow_none=True)
    previous_plan_slug = fields.String(allow_none=True)
    card_brand = fields.String(allow_none=True)
    card_last4 = fields.String(allow_none=True)
    dispute = ChosenDispute(InvoiceDisputeSchema)

    def _amount(self, invoice: Invoice) -> Decimal:
        return money.to_major(invoice.amount_minor, invoice.currency)

    def _refunded(self, invoice: Invoice) -> Decimal:
        return money.to_major(invoice.refunded_minor, invoice.currency)


class RefundRequestSchema(CamelSchema):
    """How much to give back, in major units; all that is left when `amount` is not given."""

    amount = fields.Decimal(allow_none=True, load_default=None, allow_nan=False)
    reason = Text(most=500, allow_none=True, load_default=None)


class RefundSchema(CamelSchema):
    """A refund; `amount` in major units."""

    id = fields.Integer()
    invoice_id = fields.Integer()
    status = fields.String()
    amount = fields.Method("_amount", metadata={"type": "number"})
    currency = fields.String()
    reason = fields.String(allow_none=True)
    stripe_refund_id = fields.String(allow_none=True)
    created_at = Moment()
    updated_at = Moment()

    def _amount(self, refund: Refund) -> Decimal:
        return money.to_major(refund.amount_minor, refund.currency)


class RefundDataSchema(CamelSchema):
    refund = fields.Nested(RefundSchema)
