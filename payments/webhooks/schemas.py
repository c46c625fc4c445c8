"""Events of the inbox on the wire, in the projects dialect."""

from __future__ import annotations

from marshmallow import fields, validate

from payments.kit.http import Moment, Text
from payments.projects.schemas.base import PageQuery, Shape, paged
from payments.projects.schemas.modes import Flag
from payments.webhooks.models import STATES


class ReceivedSchema(Shape):
    """What Stripe is told; it reads no more than the status."""

    received = fields.Boolean(required=True)


class EventQuery(PageQuery):
    state = fields.String(validate=validate.OneOf(STATES), load_default=None)
    type = Text(most=100, allow_none=True, load_default=None)
    test_mode = Flag(load_default=None)


class EventSchema(Shape):
    """`created_at` is Stripe's; `next_try_at` stands for events that wait.

    `note` says why an event that was handled changed nothing.
    """

    event_id = fields.String(required=True)
    type = fields.String(required=True)
    is_test_mode = fields.Boolean(required=True)
    api_version = fields.String(required=True, allow_none=True)
    state = fields.String(required=True, validate=validate.OneOf(STATES))
    tries = fields.Integer(required=True)
    last_error = fields.String(required=True, allow_none=True)
    note = fields.String(required=True, allow_none=True)
    payload_dropped = fields.Boolean(required=True)
    created_at = Moment(required=True)
    received_at = Moment(required=True)
    processed_at = Moment(required=True, allow_none=True)
    next_try_at = Moment(required=True, allow_none=True)


class ShownEventSchema(EventSchema):
    """An event as Stripe sent it; the payload is null once it was dropped."""

    payload = fields.Dict(required=True, attribute="content", allow_none=True)


class EventPage(paged("ProjectEvents", "events", EventSchema)):  # type: ignore[misc]
    """A page of events, how many bytes of payloads are stored, and how many may be (or null)."""

    stored_bytes = fields.Integer(required=True)
    quota_bytes = fields.Integer(required=True, allow_none=True)
