"""Plan changes and charges on the wire."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields

from payments.kit.http import CamelSchema, Moment, Text, parse_id
from payments.workspaces.payment_methods.choose import STRIPE_ID
from payments.workspaces.schemas.disputes import ChargeDisputeSchema, ChosenDispute
from payments.workspaces.schemas.workspaces import WorkspaceSchema


class MethodReference(ma.fields.Field[int | str]):
    """A payment method by its database id (number or digits) or by Stripe's `pm_...`."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int | str:
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
        if isinstance(value, str) and (parse_id(value) is not None or STRIPE_ID.fullmatch(value)):
            return value
        raise ma.ValidationError("Must be the id of a payment method or a pm_ id.")


class UpgradeSchema(CamelSchema):
    plan_slug = Text(required=True, least=1, most=100)
    payment_method_id = MethodReference(allow_none=True, load_default=None)
    expected_amount = fields.Decimal(
        allow_none=True,
        load_default=None,
        allow_nan=False,
        metadata={"description": "The price that was shown, in major units: any other one is 409."},
    )


class DowngradeSchema(CamelSchema):
    plan_slug = Text(required=True, least=1, most=100)


class PaymentIntentSchema(CamelSchema):
    """The PaymentIntent of an upgrade; `amount` in minor units."""

    id = fields.String(attribute="stripe_payment_intent_id")
    amount = fields.Integer(attribute="amount_minor")
    currency = fields.String()
    status = fields.String()


class UpgradedSchema(CamelSchema):
    workspace = fields.Nested(WorkspaceSchema)
    payment_intent = fields.Nested(PaymentIntentSchema, allow_none=True)


class DowngradedSchema(CamelSchema):
    workspace = fields.Nested(WorkspaceSchema)
    note = fields.String()


class ChargeErrorSchema(CamelSchema):
    code = fields.String(attribute="error_code")
    decline_code = fields.String(allow_none=True)
    message = fields.String(attribute="error_message", allow_none=True)


class ChargeSchema(CamelSchema):
    """A charge; `amount` in minor units. `clientSecret` is there while it waits for its holder."""

    id = fields.Integer()
    workspace_id = fields.Integer()
    status = fields.String()
    amount = fields.Integer(attribute="amount_minor")
    currency = fields.String()
    plan_id = fields.Integer()
    invoice_id = fields.Integer()
    payment_method_id = fields.Integer(allow_none=True)
    stripe_payment_method_id = fields.String()
    payment_intent_id = fields.String(attribute="stripe_payment_intent_id", allow_none=True)
    client_secret = fields.String()
    outcome_unknown = fields.Boolean(
        attribute="is_outcome_unknown",
        metadata={"description": "Stripe has not told for long what became of it."},
    )
    needs_attention = fields.Boolean()
    error = fields.Method("_error", metadata={"type": ["object", "null"]})
    expires_at = Moment(allow_none=True)
    created_at = Moment()
    updated_at = Moment()
    dispute = ChosenDispute(ChargeDisputeSchema)

    def _error(self, charge: Any) -> dict[str, Any] | None:
        return dict(ChargeErrorSchema().dump(charge)) if charge.error_code else None


class ChargeDataSchema(CamelSchema):
    charge = fields.Nested(ChargeSchema)
