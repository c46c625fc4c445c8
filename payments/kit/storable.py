"""Makes what comes from outside fit for every database: text, numbers and moments alike.

PostgreSQL refuses NUL in text, text that is longer than its column and numbers beyond its range;
SQLite takes them all. What is cut here is the same on both.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import Field, fields, replace
from functools import partial, wraps
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

P = ParamSpec("P")
State = TypeVar("State", bound="DataclassInstance")
Check = Callable[[Any, str], Any]

# Every escape of a JSON text, so that an escaped backslash is not taken for the begin of another.
_ESCAPE = re.compile(
    r"\\u(?P<pair>[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    r"|\\u(?P<lone>[dD][89a-fA-F][0-9a-fA-F]{2})"
    r"|\\u(?P<nul>0000)"
    r"|\\."
)
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")

MOST_TEXT = 255
LARGEST_INTEGER, LARGEST_COUNT = 2**63 - 1, 2**31 - 1


class Unstorable(ValueError):
    """A value that no database can keep, and that must not be replaced by another."""


def clean_json(text: str) -> str:
    """Return a JSON text whose strings hold neither NUL nor lone surrogates.

    NUL is dropped, a lone surrogate becomes U+FFFD. Numbers and everything else stay as they are
    written, digit by digit.
    """
    return _ESCAPE.sub(_replace_escape, text) if "\\u" in text else text


def _replace_escape(found: re.Match[str]) -> str:
    if found["nul"] is not None:
        return ""
    return "\\ufffd" if found["lone"] is not None else found[0]


def clean_text(text: str, most: int = MOST_TEXT) -> str:
    """Return the text without NUL and lone surrogates, cut to `most` characters."""
    return _UNSTORABLE.sub(_replace_character, text)[:most]


def _replace_character(found: re.Match[str]) -> str:
    return "" if found[0] == "\x00" else "\ufffd"


def is_storable(text: str) -> bool:
    """Return whether every database keeps the text as it is, whatever its length."""
    return _UNSTORABLE.search(text) is None


def check_amount(value: Any, name: str) -> int:
    """Return an amount in minor units; Unstorable beyond 64 bits, or for what is no integer.

    Money is never cut to what fits: that would be another amount.
    """
    if abs(check_integer(value, name)) > LARGEST_INTEGER:
        raise Unstorable(f"{name} is larger than any amount")
    return int(value)


def limit_count(value: Any, name: str) -> int:
    """Return how many there are, at most LARGEST_COUNT; Unstorable for what is no integer."""
    return max(min(check_integer(value, name), LARGEST_COUNT), -LARGEST_COUNT)


def check_integer(value: Any, name: str) -> int:
    """Return a whole number of any size; Unstorable for anything else."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise Unstorable(f"{name} is not an integer")
    return value


def check_name(value: Any, name: str, most: int = MOST_TEXT) -> str:
    """Return an id or a code as it is: cut, it would name something else.

    Unstorable for one that is too long or that holds what no database keeps.
    """
    if not isinstance(value, str) or len(value) > most or not is_storable(value):
        raise Unstorable(f"{name} is not a text of at most {most} characters")
    return value


def storable(
    *,
    amounts: Sequence[str] = (),
    counts: Sequence[str] = (),
    moments: Sequence[str] = (),
    cut: Mapping[str, int] = MappingProxyType({}),
) -> Callable[[Callable[P, State]], Callable[P, State]]:
    """Make the dataclass that a function returns fit for every database.

    `cut` names the texts that may be shortened, each with its length; any other text must fit as
    it is. Fields that are None stay so. Raise Unstorable for what cannot be made to fit.
    """
    checks: dict[str, Check] = {
        **dict.fromkeys(amounts, check_amount),
        **dict.fromkeys(counts, limit_count),
        **dict.fromkeys(moments, check_integer),
        "currency": partial(check_name, most=3),
    }

    def decorate(read: Callable[P, State]) -> Callable[P, State]:
        @wraps(read)
        def checked(*args: P.args, **kwargs: P.kwargs) -> State:
            state = read(*args, **kwargs)
            fitted = {
                field.name: _fit(field, value, checks, cut)
                for field in fields(state)
                if (value := getattr(state, field.name)) is not None
            }
            return replace(state, **fitted)

        return checked

    return decorate


def _fit(field: Field[Any], value: Any, checks: dict[str, Check], cut: Mapping[str, int]) -> Any:
    """Fit a field by its name, else by what it is declared to hold."""
    name, declared = field.name, str(field.type)
    if name in cut:
        return clean_text(str(value), cut[name])
    if name in checks:
        return checks[name](value, name)
    if declared.startswith("tuple[str"):
        return tuple(check_name(each, name) for each in value)
    if declared.startswith("tuple[int"):
        return tuple(each if each is None else check_integer(each, name) for each in value)
    if declared.startswith("Mapping[str, int"):
        return {check_name(key, name): check_amount(each, name) for key, each in value.items()}
    return check_name(value, name) if declared.startswith("str") else value
