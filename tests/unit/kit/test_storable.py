"""What comes from outside is kept by every database, or refused by each of them alike."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.kit.storable import (
    LARGEST_COUNT,
    LARGEST_INTEGER,
    Unstorable,
    check_amount,
    clean_json,
    clean_text,
    limit_count,
    storable,
)

# Any code points, lone surrogates and NUL among them.
ANY_TEXT = st.text(st.characters(codec=None) | st.sampled_from("\x00\ud800\udfff\\u"))


class TestJson:
    @pytest.mark.parametrize(
        ("text", "kept"),
        [
            ("Team", "Team"),
            ("Team\x00", "Team"),
            ("Team \ud83d", "Team \ufffd"),
            ("\ude00\ud83d", "\ufffd\ufffd"),
            ("😀\ud83d", "😀\ufffd"),
            ("\\u0000", "\\u0000"),
            ("\\\x00\\ud800", "\\\\ud800"),
            ('é\n"\\', 'é\n"\\'),
        ],
    )
    def test_a_text(self, text: str, kept: str) -> None:
        assert json.loads(clean_json(json.dumps(text))) == kept

    @given(text=ANY_TEXT, key=ANY_TEXT)
    def test_what_is_read_can_be_encoded(self, text: str, key: str) -> None:
        found = json.loads(clean_json(json.dumps({key: [text]})))
        assert "\x00" not in str(found)
        json.dumps(found, ensure_ascii=False).encode()

    @given(text=st.text(st.characters(codec="utf-8", exclude_characters="\x00")))
    def test_what_can_be_stored_stays_as_it_is(self, text: str) -> None:
        written = json.dumps({text: text})
        assert clean_json(written) == written
        assert clean_text(text, len(text)) == text

    def test_numbers_stay_digit_by_digit(self) -> None:
        assert clean_json('{"a": 1.10, "b": 1e400, "c": "\\u0000"}') == (
            '{"a": 1.10, "b": 1e400, "c": ""}'
        )


@given(text=ANY_TEXT, most=st.integers(1, 9))
def test_a_text_is_cut(text: str, most: int) -> None:
    kept = clean_text(text, most)
    assert len(kept) <= most
    kept.encode()


@pytest.mark.parametrize("value", [LARGEST_INTEGER + 1, -LARGEST_INTEGER - 1, 1.5, "7", True, []])
def test_an_amount_is_never_cut(value: object) -> None:
    with pytest.raises(Unstorable, match="fee"):
        check_amount(value, "fee")


def test_a_count_is_the_largest_at_most() -> None:
    assert [limit_count(value, "n") for value in (0, 7, 2**31, 10**30)] == [
        0, 7, LARGEST_COUNT, LARGEST_COUNT,
    ]  # fmt: skip


@dataclass(frozen=True)
class Thing:
    id: str
    name: str | None
    currency: str
    amount: int
    made: int | None
    parts: tuple[str, ...] = ()


@storable(amounts=("amount",), moments=("made",), cut={"name": 5})
def thing(**values: object) -> Thing:
    plain = {"id": "id", "name": None, "currency": "usd", "amount": 1, "made": 2}
    return Thing(**{**plain, **values})  # type: ignore[arg-type]


class TestState:
    def test_what_fits_stays(self) -> None:
        assert thing() == Thing("id", None, "usd", 1, 2)
        assert thing(name="a\x00bcdefg").name == "abcde"

    @pytest.mark.parametrize(
        "values",
        [
            {"id": "x" * 256}, {"id": "a\x00"}, {"id": "\ud800"}, {"currency": "usdt"},
            {"amount": 2**63}, {"amount": "1"}, {"made": 1.5}, {"made": "now"},
            {"parts": ("x" * 256,)},
        ],
    )  # fmt: skip
    def test_what_names_or_counts_money_is_refused(self, values: dict[str, object]) -> None:
        with pytest.raises(Unstorable):
            thing(**values)
