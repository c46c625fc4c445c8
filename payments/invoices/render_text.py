"""Makes any text drawable: no character of a name may break, reorder or blacken the page."""

from __future__ import annotations

import unicodedata
from collections.abc import Set
from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")

# Stands for a character that no shipped font has, such as an emoji.
MARK = "\N{BULLET}"
ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"

# Far above the API's own limits; they bound the time and memory of one page.
MAX_TEXT = 600
MAX_ROWS = 100

# Format characters steer the text around them (overrides, joiners, byte order marks), and
# variation selectors and enclosing marks alter the one before them; none is seen by itself.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Me"})
_SELECTORS = frozenset(map(chr, (*range(0xFE00, 0xFE10), *range(0x1F3FB, 0x1F400))))
_BREAKS = frozenset("\t\n\v\f\r\x85\u2028\u2029")


def drawable_text(text: str, points: Set[int]) -> str:
    """Return the text in one line of characters that can all be drawn."""
    # Cut first, so that a name of many megabytes costs no more than a long one.
    short = unicodedata.normalize("NFC", text[: MAX_TEXT * 2])
    clean = "".join(_drawable(char, points) for char in short)
    line = " ".join(clean.split())
    return line if len(line) <= MAX_TEXT else line[: MAX_TEXT - 1].rstrip() + ELLIPSIS


def drawable_record(record: T, points: Set[int]) -> T:
    """Return a copy of a dataclass in which every text, at any depth, can be drawn."""
    values = {item.name: getattr(record, item.name) for item in fields(record)}
    return replace(record, **{name: _drawable_value(v, points) for name, v in values.items()})


def isolated(text: str) -> str:
    """Let a text that stands for itself run in the direction of its own first letter."""
    if not any(unicodedata.bidirectional(char) in {"R", "AL"} for char in text):
        return text
    return f"\N{FIRST STRONG ISOLATE}{text}\N{POP DIRECTIONAL ISOLATE}"


def _drawable_value(value: Any, points: Set[int]) -> Any:
    if isinstance(value, str):
        return drawable_text(value, points)
    if isinstance(value, tuple):
        return tuple(_drawable_value(each, points) for each in value[:MAX_ROWS])
    if is_dataclass(value) and not isinstance(value, type):
        return drawable_record(value, points)
    return value


def _drawable(char: str, points: Set[int]) -> str:
    if char in _BREAKS:
        return " "
    if char in _SELECTORS or unicodedata.category(char) in _UNSEEN:
        return ""
    return char if char.isspace() or ord(char) in points else MARK
