"""The timeline on the wire."""

from __future__ import annotations

from marshmallow import fields

from payments.kit.http import Instant, Moment, Text
from payments.projects.schemas.base import PageQuery, Shape, paged
from payments.projects.schemas.modes import Flag
from payments.timeline.tell import SOURCES

_MOMENT = {"example": "2026-01-15T00:00:00Z"}


class ProjectTimelineQuery(PageQuery):
    """Filters: one object, kinds that begin so, from a moment on (`from`) and before one (`to`).

    With `test_mode` what belongs to neither mode is left out.
    """

    subject = Text(most=80, allow_none=True, load_default=None)
    kind = Text(most=60, allow_none=True, load_default=None)
    since = Instant(data_key="from", load_default=None, metadata=_MOMENT)
    until = Instant(data_key="to", load_default=None, metadata=_MOMENT)
    test_mode = Flag(load_default=None)


class ProjectActorSchema(Shape):
    """The project's developer, or one of its end users."""

    id = fields.String(required=True, metadata={"format": "uuid"})
    name = fields.String(required=True)
    email = fields.String(required=True)


class ProjectEntrySchema(Shape):
    """One thing that happened; `data` holds the facts."""

    id = fields.Integer(required=True)
    at = Moment(required=True)
    kind = fields.String(required=True)
    sentence = fields.String(required=True)
    source = fields.String(required=True, metadata={"description": f"One of {', '.join(SOURCES)}"})
    actor = fields.String(required=True)
    user = fields.Nested(ProjectActorSchema, required=True, allow_none=True)
    subject = fields.String(required=True)
    stripe_ids = fields.List(fields.String(), required=True)
    data = fields.Dict(required=True)


EntryPage = paged("ProjectTimeline", "entries", ProjectEntrySchema)
