"""What both sides of the JSON API rely on: names, exact numbers, strict texts, page numbers."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import marshmallow as ma
import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from payments.kit import http


@pytest.fixture(scope="module")
def app() -> Flask:
    made = Flask("http")
    made.json = http.ExactJSON(made)
    return made


UNFIT = ["", "   ", "toolong", "a\x00b", "a\ud800", "a\x1bb", 7, None, ["a"]]
NO_IDS = ["", "-1", "1.0", "٣", "9" * 31]


class Person(http.CamelSchema):
    full_name = http.Text(least=1, most=5, required=True)
    nick = http.Text(most=5, allow_none=True)
    born_at = http.Moment(dump_only=True)


class TestJSON:
    def test_decimals_are_written_digit_by_digit(self, app: Flask) -> None:
        assert (
            app.json.dumps({"a": Decimal("9.90"), "b": 1, "c": "é"}) == '{"a":9.90,"b":1,"c":"é"}'
        )

    def test_what_json_does_not_know_is_refused(self, app: Flask) -> None:
        with pytest.raises(ValueError):
            app.json.dumps(float("nan"))
        with pytest.raises(TypeError):
            app.json.dumps(object())


class TestSchemas:
    def test_keys_are_camel_outside_and_snake_inside(self) -> None:
        assert Person().load({"fullName": " Ada ", "unknown": 1}) == {"full_name": "Ada"}
        moment = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
        dumped = Person().dump({"full_name": "Ada", "born_at": moment, "nick": None})
        assert dumped == {"fullName": "Ada", "bornAt": "2024-01-15T10:30:00.000Z", "nick": None}

    def test_an_unset_moment_is_null(self) -> None:
        assert Person().dump({"born_at": None}) == {"bornAt": None}

    @pytest.mark.parametrize(
        "text", ["", "   ", "toolong", "a\x00b", "a\ud800", "a\x1bb", 7, None, ["a"]]
    )
    def test_unfit_texts_are_refused(self, text: Any) -> None:
        with pytest.raises(ma.ValidationError) as raised:
            Person().load({"fullName": text})
        assert list(raised.value.normalized_messages()) == ["fullName"]

    def test_an_empty_text_is_none_where_none_is_allowed(self) -> None:
        assert Person().load({"fullName": "Ada", "nick": "  "})["nick"] is None

    def test_envelopes(self) -> None:
        one = http.enveloped("One", Person)().dump({"message": "m", "data": {"full_name": "Ada"}})
        assert one == {"message": "m", "data": {"fullName": "Ada"}}
        page = http.listing("m", [{"full_name": "Ada"}], pagination=http.pagination(1, 20, 41))
        listed = http.enveloped("Many", Person, many=True, paged=True)().dump(page)
        assert (listed["count"], listed["data"]) == (1, [{"fullName": "Ada"}])
        assert listed["pagination"]["totalPages"] == 3

    @pytest.mark.parametrize(
        ("snake", "camel"), [("a", "a"), ("plan_id", "planId"), ("line_1", "line1")]
    )
    def test_camel(self, snake: str, camel: str) -> None:
        assert http.camel(snake) == camel


class TestPages:
    @given(st.integers(1, 50), st.integers(1, 100), st.integers(0, 10_000))
    def test_the_numbers_agree(self, page: int, limit: int, total: int) -> None:
        told = http.pagination(page, limit, total)
        assert (told["total_pages"] - 1) * limit < total or total == 0
        assert told["total_pages"] * limit >= total
        assert told["has_next_page"] == (page * limit < total)
        assert told["has_prev_page"] == (page > 1)

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            *(("", (1, 20)), ("page=3&limit=7", (3, 7)), ("page=0&limit=0", (1, 1))),
            *(("page=-5&limit=1000", (1, 100)), ("page=x&limit=", (1, 20))),
            ("page=1.5&limit=٣", (1, 20)),
            ("page=" + "9" * 1000, (1, 20)),
        ],
    )
    def test_they_are_clamped(self, app: Flask, query: str, expected: tuple[int, int]) -> None:
        with app.test_request_context(f"/?{query}"):
            assert http.page_and_limit() == expected

    def test_an_offset_never_leaves_the_databases_range(self, app: Flask) -> None:
        with app.test_request_context("/?page=" + "9" * 30 + "&limit=100"):
            page, limit = http.page_and_limit()
        assert page * limit < 2**63

    @pytest.mark.parametrize(
        ("raw", "read"), [("true", True), ("TRUE ", True), ("1", False), ("", False)]
    )
    def test_flags(self, app: Flask, raw: str, read: bool) -> None:
        with app.test_request_context("/", query_string={"include_all": raw}):
            assert http.query_flag("include_all") is read


@pytest.mark.parametrize(
    ("raw", "read"),
    [
        ("7", 7),
        ("007", 7),
        ("9" * 30, 2**63 - 1),
        *((bad, None) for bad in ("", "-1", "1.0", "٣", "9" * 31)),
    ],
)
def test_ids(raw: str, read: int | None) -> None:
    assert http.parse_id(raw) == read
