"""The `test_mode` of the query string: strictly a boolean, and its default differs by endpoint."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from payments.projects.schemas.base import PageQuery, Shape

_WORDS = {"true": True, "1": True, "false": False, "0": False}


class _Boolean(ma.fields.Field[bool]):
    """A field that the API's document calls a boolean."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(metadata={"type": "boolean"}, **kwargs)


class Flag(_Boolean):
    """A boolean of a query string: true, false, 1 or 0."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        found = _WORDS.get(str(value).strip().lower())
        if found is None:
            raise ma.ValidationError("Not a valid boolean.")
        return found


class Truth(_Boolean):
    """A boolean of a JSON body: true or false, and nothing that looks like it."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise ma.ValidationError("Not a valid boolean.")
        return value


class ModeQuery(Shape):
    """Test by default, so that nobody meets real money by leaving a word out."""

    test_mode = Flag(load_default=True)


class MySubscriptionQuery(ModeQuery):
    """`include_inactive` also shows a subscription that is unpaid, paused or incomplete."""

    include_inactive = Flag(load_default=False)


class ModePageQuery(PageQuery):
    test_mode = Flag(load_default=True)
