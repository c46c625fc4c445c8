"""Subscriptions, payments and figures on the wire."""

from __future__ import annotations

from marshmallow import fields

from payments.kit.http import Moment, Text
from payments.projects.schemas.base import PageQuery, Shape, paged
from payments.projects.schemas.modes import Flag


class AcrossQuery(PageQuery):
    """Filters of the lists across projects; without `test_mode` both modes are listed."""

    project_id = fields.UUID(load_default=None)
    test_mode = Flag(load_default=None)
    status = Text(most=100, allow_none=True, load_default=None)


class AddOnSchema(Shape):
    """An item of a subscription beside its plan."""

    price_id = fields.String(required=True, allow_none=True)
    plan_name = fields.String(required=True, allow_none=True)
    quantity = fields.Integer(required=True)


class SubscriptionSchema(Shape):
    """A subscription; here `subscription_id` is Stripe's. A metered plan has the quantity 1.

    `ended_reason` is set where Stripe never told the end: `gone_at_stripe`.
    """

    id = fields.String(required=True)
    project_id = fields.String(required=True)
    user_id = fields.String(required=True, allow_none=True)
    is_test_mode = fields.Boolean(required=True)
    subscription_id = fields.String(required=True)
    customer_id = fields.String(required=True, allow_none=True)
    status = fields.String(required=True)
    plan_name = fields.String(required=True, allow_none=True)
    quantity = fields.Integer(required=True)
    current_period_start = Moment(required=True, allow_none=True)
    current_period_end = Moment(required=True, allow_none=True)
    cancel_at = Moment(required=True, allow_none=True)
    cancelled_at = Moment(required=True, allow_none=True)
    created_at = Moment(required=True)
    add_ons = fields.List(fields.Nested(AddOnSchema), required=True)
    ended_reason = fields.String(required=True, allow_none=True)


class PaymentSchema(Shape):
    """A payment; here `subscription_id` is the `id` of our own subscription."""

    id = fields.String(required=True)
    project_id = fields.String(required=True)
    subscription_id = fields.String(attribute="subscription_row_id", required=True, allow_none=True)
    user_id = fields.String(required=True, allow_none=True)
    is_test_mode = fields.Boolean(required=True)
    payment_intent_id = fields.String(
        required=True,
        metadata={
            "description": "Stripe's `pi_...`; of an invoice from before March 2019 that a charge"
            " without a PaymentIntent paid, the charge's `ch_...`."
        },
    )
    status = fields.String(required=True)
    amount_cents = fields.Integer(required=True)
    currency = fields.String(required=True)
    description = fields.String(required=True, allow_none=True)
    refunded_amount_cents = fields.Integer(required=True)
    created_at = Moment(required=True)


class AcrossSubscriptionSchema(SubscriptionSchema):
    project_name = fields.String(required=True)
    provider = fields.String(required=True, dump_default="stripe")


class AcrossPaymentSchema(PaymentSchema):
    project_name = fields.String(required=True)
    provider = fields.String(required=True, dump_default="stripe")


class ConfiguredProjectSchema(Shape):
    """A project and which keys it has; `is_active` and `created_at` are the project's."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    description = fields.String(required=True, allow_none=True)
    has_payment_config = fields.Boolean(required=True)
    has_test_credentials = fields.Boolean(required=True)
    has_live_credentials = fields.Boolean(required=True)
    test_configured_at = Moment(required=True, allow_none=True)
    live_configured_at = Moment(required=True, allow_none=True)
    is_active = fields.Boolean(required=True)
    created_at = Moment(required=True)


class ConfiguredProjectsSchema(Shape):
    projects = fields.List(fields.Nested(ConfiguredProjectSchema), required=True)
    total = fields.Integer(required=True)


class StatsSchema(Shape):
    """Sums over all projects; `total_revenue_cents` is in `currency`, the main one."""

    total_projects = fields.Integer(required=True)
    projects_with_config = fields.Integer(required=True)
    projects_with_test = fields.Integer(required=True)
    projects_with_live = fields.Integer(required=True)
    total_subscriptions = fields.Integer(required=True)
    active_subscriptions = fields.Integer(required=True)
    total_payments = fields.Integer(required=True)
    successful_payments = fields.Integer(required=True)
    total_revenue_cents = fields.Integer(
        required=True,
        metadata={
            "description": "What the payments in `currency` brought, less what was refunded,"
            " in its minor units."
        },
    )
    currency = fields.String(
        required=True,
        metadata={
            "description": "The currency with the most successful payments; of several the first"
            " by code; `usd` when there are none."
        },
    )
    revenue_by_currency = fields.Dict(
        keys=fields.String(),
        values=fields.Integer(),
        required=True,
        metadata={"description": "The revenue of every currency, in its own minor units."},
    )


SubscriptionPage = paged("SubscriptionPage", "subscriptions", SubscriptionSchema)
PaymentPage = paged("PaymentPage", "payments", PaymentSchema)
AcrossSubscriptionPage = paged("AcrossSubscriptionPage", "subscriptions", AcrossSubscriptionSchema)
AcrossPaymentPage = paged("AcrossPaymentPage", "payments", AcrossPaymentSchema)
