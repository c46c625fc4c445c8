"""The timeline on the wire."""

from __future__ import annotations

from typing import Any

from marshmallow import fields

from payments.kit.http import CamelSchema, Instant, Moment, Text, camel
from payments.timeline.tell import SOURCES, Told

_MOMENT = {"example": "2026-01-15T00:00:00Z"}


class TimelineQuery(CamelSchema):
    """Filters: one object, kinds that begin so, from a moment on (`from`) and before one (`to`)."""

    subject = Text(most=80, allow_none=True, load_default=None, metadata={"example": "charge:12"})
    kind = Text(most=60, allow_none=True, load_default=None, metadata={"example": "plan."})
    since = Instant(data_key="from", load_default=None, metadata=_MOMENT)
    until = Instant(data_key="to", load_default=None, metadata=_MOMENT)


class TimelineActorSchema(CamelSchema):
    """A member who asked for it."""

    id = fields.Integer()
    name = fields.String()
    email = fields.String()


class TimelineEntrySchema(CamelSchema):
    """One thing that happened; `user` is told of members only, `data` holds the facts."""

    id = fields.Integer()
    at = Moment()
    kind = fields.String()
    sentence = fields.String()
    source = fields.String(metadata={"description": f"One of {', '.join(SOURCES)}"})
    actor = fields.String()
    user = fields.Nested(TimelineActorSchema, allow_none=True)
    subject = fields.String()
    stripe_ids = fields.List(fields.String())
    data = fields.Method("_data", metadata={"type": "object"})

    def _data(self, told: Told) -> dict[str, Any]:
        return {camel(name): value for name, value in told.data.items()}
