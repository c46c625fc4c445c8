"""Every text becomes one line of characters that the shipped fonts can draw."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from payments.invoices.render_text import (
    ELLIPSIS,
    MARK,
    MAX_ROWS,
    MAX_TEXT,
    drawable_record,
    drawable_text,
    isolated,
)

LATIN = frozenset(range(0x20, 0x250)) | {0x300, 0x301, ord(MARK), ord(ELLIPSIS)}


class TestDrawableText:
    @pytest.mark.parametrize(
        ("text", "drawn"),
        [
            ("Müller & Söhne", "Müller & Söhne"),
            ("Rocket \N{ROCKET} Labs", f"Rocket {MARK} Labs"),
            ("\N{MAN}\u200d\N{WOMAN}\ufe0f", MARK * 2),
            ("\N{THUMBS UP SIGN}\U0001f3fd", MARK),
            ("a\u202egnp.exe\u202c", "agnp.exe"),
            ("zero\u200bwidth\ufeff", "zerowidth"),
            ("\u2066isolate\u2069", "isolate"),
            ("nul\x00 bell\x07", "nul bell"),
            ("tab\tline\nfeed\u2028end", "tab line feed end"),
            ("half \ud800 pair", "half pair"),
            ("e\u0301", "é"),
            ("  two  spaces\u00a0", "two spaces"),
            ("", ""),
        ],
    )
    def test_becomes(self, text, drawn):
        assert drawable_text(text, LATIN) == drawn

    def test_the_longest_is_left_whole(self):
        assert drawable_text("x" * MAX_TEXT, LATIN) == "x" * MAX_TEXT

    def test_a_longer_one_ends_in_an_ellipsis(self):
        assert drawable_text("x" * 10**6, LATIN) == "x" * (MAX_TEXT - 1) + ELLIPSIS


class TestDrawableRecord:
    def test_at_any_depth(self):
        @dataclass(frozen=True)
        class Leaf:
            text: str
            strong: bool = False

        @dataclass(frozen=True)
        class Tree:
            name: str
            leaf: Leaf
            leaves: tuple[Leaf, ...]
            none: None = None

        tree = Tree("a\nb", Leaf("c\x00"), (Leaf("d\ne", True),) * (MAX_ROWS + 5))
        drawn = drawable_record(tree, LATIN)

        assert drawn == Tree("a b", Leaf("c"), (Leaf("d e", True),) * MAX_ROWS)

    def test_a_class_is_no_record(self):
        @dataclass(frozen=True)
        class Odd:
            kind: type

        assert drawable_record(Odd(Odd), LATIN) == Odd(Odd)


class TestIsolated:
    def test_left_to_right_stays(self):
        assert isolated("Acme (2024)") == "Acme (2024)"

    @pytest.mark.parametrize("text", ["شركة Acme", "Acme חברה"])
    def test_right_to_left_is_set_apart(self, text):
        assert isolated(text) == f"\u2068{text}\u2069"
