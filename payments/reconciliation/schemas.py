"""Runs of the reconciliation on the wire, in the projects dialect."""

from __future__ import annotations

from marshmallow import fields, validate

from payments.kit.http import Moment
from payments.projects.schemas.base import PageQuery, Shape, paged
from payments.projects.schemas.modes import Flag, Truth
from payments.runs.models import KINDS, OBJECTS, STATES


class RunQuery(PageQuery):
    kind = fields.String(validate=validate.OneOf(KINDS), load_default=None)
    state = fields.String(validate=validate.OneOf(STATES), load_default=None)
    test_mode = Flag(load_default=None)


class NewRunSchema(Shape):
    """What to compare; `dry_run` changes nothing and shows what would be."""

    kind = fields.String(validate=validate.OneOf(KINDS), load_default=OBJECTS)
    test_mode = Truth(load_default=True)
    dry_run = Truth(load_default=False)


class RunSchema(Shape):
    """`missing` are objects that we did not have, `drifted` those that differed; `fixed` and
    `failed` what became of both. `stripe_calls` is what it cost."""

    id = fields.String(required=True)
    kind = fields.String(required=True, validate=validate.OneOf(KINDS))
    is_test_mode = fields.Boolean(required=True)
    dry_run = fields.Boolean(required=True)
    state = fields.String(required=True, validate=validate.OneOf(STATES))
    actor = fields.String(required=True)
    seen = fields.Integer(required=True)
    missing = fields.Integer(required=True)
    drifted = fields.Integer(required=True)
    fixed = fields.Integer(required=True)
    failed = fields.Integer(required=True)
    stripe_calls = fields.Integer(required=True)
    error = fields.String(required=True, allow_none=True)
    created_at = Moment(required=True)
    started_at = Moment(required=True, allow_none=True)
    finished_at = Moment(required=True, allow_none=True)


class DriftSchema(Shape):
    """One field of one object in which we and Stripe differed."""

    object = fields.String(required=True)
    object_id = fields.String(required=True)
    field = fields.String(required=True)
    ours = fields.String(required=True, allow_none=True)
    theirs = fields.String(required=True, allow_none=True)
    fixed = fields.Boolean(required=True)


class ShownRunSchema(RunSchema):
    """A run with a page of what it found."""

    drifts = fields.List(fields.Nested(DriftSchema), required=True)
    total = fields.Integer(required=True)
    page = fields.Integer(required=True)
    page_size = fields.Integer(required=True)


RunPage = paged("ReconciliationsPage", "reconciliations", RunSchema)
