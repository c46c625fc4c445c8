"""What every JSON API needs: schemas in camelCase, envelopes, strict fields, page numbers."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import marshmallow as ma
import simplejson
from flask import request
from flask.json.provider import DefaultJSONProvider

from payments.kit import clock

# PostgreSQL cannot store NUL, no encoding has lone surrogates, and the other controls have no
# place in a name.
_UNSTORABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_LARGEST_ID = 2**63 - 1
_CAMEL = re.compile(r"_([a-z0-9])")

PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MOST = 20, 100


class ExactJSON(DefaultJSONProvider):
    """Writes decimals as JSON numbers, digit by digit: 9.99 stays 9.99."""

    sort_keys = False

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        return str(
            simplejson.dumps(
                obj, use_decimal=True, allow_nan=False, default=self.default, ensure_ascii=False,
                separators=(",", ":"), indent=kwargs.get("indent"),
            )
        )  # fmt: skip


def camel(name: str) -> str:
    """Turn snake_case into camelCase."""
    return _CAMEL.sub(lambda m: m.group(1).upper(), name)


class CamelSchema(ma.Schema):
    """A schema whose keys are camelCase outside and snake_case inside; unknown keys are ignored."""

    class Meta:
        unknown = ma.EXCLUDE

    def on_bind_field(self, field_name: str, field_obj: ma.fields.Field[Any]) -> None:
        field_obj.data_key = camel(field_obj.data_key or field_name)


class Moment(ma.fields.Field[datetime]):
    """A moment as ISO 8601 UTC with milliseconds and Z; only for answers."""

    def _serialize(
        self, value: datetime | None, attr: str | None, obj: Any, **kwargs: Any
    ) -> str | None:
        return None if value is None else clock.iso_millis(value)


class Instant(ma.fields.AwareDateTime):
    """A moment of a query string: ISO 8601, taken as UTC when it names no zone."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="iso", default_timezone=UTC, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        try:
            return super()._deserialize(value, attr, data, **kwargs).astimezone(UTC)
        except OverflowError as error:  # the first or last hours of the calendar, in a far zone
            raise ma.ValidationError("Not a valid datetime.") from error


class Text(ma.fields.String):
    """A trimmed string without unstorable characters; `most` bounds its length, `least` too.

    Only JSON strings are taken. Empty ones become None where None is allowed.
    """

    def __init__(self, *, most: int, least: int = 0, **kwargs: Any) -> None:
        self.most, self.least = most, least
        super().__init__(**kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = str(super()._deserialize(value, attr, data, **kwargs)).strip()
        if _UNSTORABLE.search(text):
            raise ma.ValidationError("Contains characters that are not allowed.")
        if not text and self.allow_none:
            return None
        if not self.least <= len(text) <= self.most:
            raise ma.ValidationError(f"Must have {self.least} to {self.most} characters.")
        return text


def enveloped(
    name: str, data: type[ma.Schema], *, many: bool = False, paged: bool = False
) -> type[ma.Schema]:
    """Make the schema `{message, data}`; lists add `count`, paged ones `pagination`."""
    fields: dict[str, Any] = {"message": ma.fields.String(required=True)}
    fields["data"] = ma.fields.List(ma.fields.Nested(data)) if many else ma.fields.Nested(data)
    if many:
        fields["count"] = ma.fields.Integer()
    if paged:
        fields["pagination"] = ma.fields.Nested(PaginationSchema)
    return CamelSchema.from_dict(fields, name=name)


class PaginationSchema(CamelSchema):
    page = ma.fields.Integer()
    limit = ma.fields.Integer()
    total = ma.fields.Integer()
    total_pages = ma.fields.Integer()
    has_next_page = ma.fields.Boolean()
    has_prev_page = ma.fields.Boolean()


def pagination(page: int, limit: int, total: int) -> dict[str, Any]:
    """Describe one page out of `total` rows."""
    pages = -(-total // limit)
    return {
        "page": page,
        "limit": limit,
        "total": total,
        "total_pages": pages,
        "has_next_page": page < pages,
        "has_prev_page": page > 1,
    }


def listing(message: str, rows: list[Any], **more: Any) -> dict[str, Any]:
    """Wrap a list with its message and count."""
    return {"message": message, "count": len(rows), "data": rows, **more}


def query_flag(name: str) -> bool:
    """Read a boolean of the query string: only `true` (in any case) is true."""
    return request.args.get(name, "").strip().lower() == "true"


def page_and_limit() -> tuple[int, int]:
    """Read `page` and `limit` of the query string, clamped into their ranges."""
    page = max(_integer(request.args.get("page"), 1), 1)
    limit = min(max(_integer(request.args.get("limit"), PAGE_LIMIT_DEFAULT), 1), PAGE_LIMIT_MOST)
    return min(page, _LARGEST_ID // PAGE_LIMIT_MOST), limit


def _integer(raw: str | None, default: int) -> int:
    raw = (raw or "").strip()
    # Bounded before int(): a thousand digits are nobody's page.
    return int(raw) if re.fullmatch(r"[+-]?[0-9]{1,30}", raw) else default


def parse_id(raw: str) -> int | None:
    """Read a database id of a path or body: digits only; None when it is not one."""
    if not re.fullmatch(r"[0-9]{1,30}", raw):
        return None
    return min(int(raw), _LARGEST_ID)
