"""Pricing plans on the wire."""

from __future__ import annotations

from decimal import Decimal

from marshmallow import fields

from payments.kit import money
from payments.kit.http import CamelSchema, Moment
from payments.workspaces.models import PricingPlan


class PlanSchema(CamelSchema):
    """A plan; `price` is in major units, `tier` orders plans."""

    id = fields.Integer()
    name = fields.String()
    slug = fields.String()
    description = fields.String()
    price = fields.Method("_price", metadata={"type": "number"})
    currency = fields.String()
    price_period = fields.String()
    tier = fields.Integer()
    is_active = fields.Boolean()
    restrictions = fields.Dict()
    features = fields.List(fields.String())
    created_at = Moment()
    updated_at = Moment()

    def _price(self, plan: PricingPlan) -> Decimal:
        return money.to_major(plan.price_minor, plan.currency)
