"""Saved cards on the wire."""

from __future__ import annotations

from marshmallow import fields, validate

from payments.kit.http import CamelSchema, Moment, Text
from payments.workspaces.models import PaymentMethod

# How people write the brands; invoices carry Stripe's own lower-case word.
BRANDS = {
    "visa": "Visa",
    "mastercard": "Mastercard",
    "amex": "American Express",
    "discover": "Discover",
    "jcb": "JCB",
    "diners": "Diners Club",
    "unionpay": "UnionPay",
}


class ConfirmSchema(CamelSchema):
    """What the browser reports of a completed SetupIntent."""

    setup_intent_id = Text(
        required=True, least=1, most=255, validate=validate.Regexp(r"seti_\w+\Z")
    )
    payment_method_id = Text(
        required=True, least=1, most=255, validate=validate.Regexp(r"pm_\w+\Z")
    )
    billing_name = Text(most=255, allow_none=True, load_default=None)
    billing_postal_code = Text(most=20, allow_none=True, load_default=None)


class SetupSchema(CamelSchema):
    """A fresh SetupIntent, for Stripe.js."""

    client_secret = fields.String()
    setup_intent_id = fields.String(attribute="id")


class ConfirmedSchema(CamelSchema):
    payment_method_id = fields.String()
    setup_intent_id = fields.String()
    workspace_id = fields.Integer()
    workspace_slug = fields.String()


class PaymentMethodSchema(CamelSchema):
    """A saved card."""

    id = fields.Integer()
    workspace_id = fields.Integer()
    stripe_payment_method_id = fields.String()
    stripe_customer_id = fields.String()
    type = fields.String()
    card_brand = fields.Method("_brand", metadata={"type": "string"})
    card_last4 = fields.String(allow_none=True)
    card_exp_month = fields.Integer(allow_none=True)
    card_exp_year = fields.Integer(allow_none=True)
    is_default = fields.Boolean()
    is_active = fields.Boolean()
    created_at = Moment()
    updated_at = Moment()

    def _brand(self, method: PaymentMethod) -> str:
        return BRANDS.get(method.card_brand or "", "Unknown")


class DeletedSchema(CamelSchema):
    id = fields.Integer()
    deleted = fields.Boolean()
