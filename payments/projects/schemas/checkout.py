"""Checkout, portal and the changes of a subscription on the wire."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from payments.kit.http import Moment, Text
from payments.projects import metadata, urls
from payments.projects.change_plan import CREATE_PRORATIONS, PRORATIONS
from payments.projects.checkout import PAYMENT
from payments.projects.schemas.base import Shape
from payments.projects.schemas.modes import Truth
from payments.projects.sessions import SUBSCRIPTION

MOST_QUANTITY = 999_999


class Metadata(ma.fields.Field[dict[str, str]]):
    """Any JSON object within Stripe's limits; its values become texts."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Any, **kwargs: Any
    ) -> dict[str, str]:
        if not isinstance(value, dict):
            raise ma.ValidationError("Not a valid object.")
        try:
            return metadata.texts(value)
        except metadata.UnfitMetadata as error:
            raise ma.ValidationError(str(error)) from error


def _url() -> Text:
    return Text(required=True, least=1, most=urls.LONGEST)


class CheckoutSchema(Shape):
    price_id = Text(required=True, least=1, most=255)
    success_url = _url()
    cancel_url = _url()
    mode = fields.String(
        load_default=SUBSCRIPTION, validate=validate.OneOf((SUBSCRIPTION, PAYMENT))
    )
    quantity = fields.Integer(
        strict=True, load_default=1, validate=validate.Range(min=1, max=MOST_QUANTITY)
    )
    metadata = Metadata(allow_none=True, load_default=dict, metadata={"type": "object"})
    allow_existing_subscription = Truth(load_default=False)

    @ma.post_load
    def _null_is_none(self, data: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
        return {**data, "metadata": data["metadata"] or {}}


class CheckoutSessionSchema(Shape):
    session_id = fields.String(attribute="id", required=True)
    checkout_url = fields.String(attribute="url", required=True)


class PortalSchema(Shape):
    return_url = _url()


class PortalSessionSchema(Shape):
    portal_url = fields.String(attribute="url", required=True)


class CancelSchema(Shape):
    cancel_immediately = Truth(load_default=False)


class CancelledSchema(Shape):
    """`cancel_at` is when a subscription will end, `cancelled_at` when that was asked for."""

    subscription_id = fields.String(required=True)
    status = fields.String(required=True)
    cancel_at = Moment(required=True, allow_none=True)
    cancelled_at = Moment(required=True, allow_none=True)
    message = fields.String(required=True)


class ChangePlanSchema(Shape):
    new_price_id = Text(required=True, least=1, most=255)
    proration_behavior = fields.String(
        load_default=CREATE_PRORATIONS, validate=validate.OneOf(PRORATIONS)
    )


class ChangedPlanSchema(Shape):
    subscription_id = fields.String(required=True)
    status = fields.String(required=True)
    price_id = fields.String(required=True)
    message = fields.String(required=True)
