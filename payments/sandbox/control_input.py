"""Checks of what the controls are given, so that a typo in a test is told and not ignored."""

from collections.abc import Callable
from typing import Any

from .errors import ApiError
from .faults import ACTIONS, Fault
from .messages import Json

MAX_DELAY_MS = 120_000
CENTURY = 100 * 365 * 86400
MONTH = 30 * 86400


def _number(low: int, high: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and low <= value <= high


def _seconds(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value <= MONTH


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _texts(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(text, str) and text.isascii() and text.isprintable()
        for pair in value.items()
        for text in pair
    )


FAULT: dict[str, Callable[[Any], bool]] = {
    "action": lambda value: value in ACTIONS,
    "effect": _flag,
    "effect_after_seconds": _seconds,
    "error": lambda value: isinstance(value, dict),
    "headers": _texts,
    "ms": _number(0, MAX_DELAY_MS),
    "seconds": _seconds,
    "status": _number(400, 599),
    "stored": _flag,
    "times": _number(1, 1_000_000),
    "when": lambda value: value in ("before", "after"),
}
MATCH: dict[str, Callable[[Any], bool]] = {"method": _text, "path": _text}
SWITCH: dict[str, Callable[[Any], bool]] = {
    "drop": _number(0, 1_000_000),
    "duplicate": _number(0, 1_000_000),
    "pause": _flag,
    "reverse": _flag,
}


def check_fault(given: Json) -> Fault:
    match = given.get("match", {})
    if not isinstance(match, dict):
        raise _bad("match")
    rest = {name: value for name, value in given.items() if name != "match"}
    fields = {**_checked(rest, FAULT), **_checked(match, MATCH)}
    if "action" not in fields:
        raise _bad("action")
    return Fault(**_complete_fields(fields))


def _complete_fields(fields: Json) -> Json:
    """Add what an action implies, and refuse an option that it does not have."""
    action = fields["action"]
    if "seconds" in fields and action != "late":
        raise _bad("seconds")
    if "effect_after_seconds" in fields and action not in ("stored_500", "error"):
        raise _bad("effect_after_seconds")
    if action == "stored_500":
        fields |= {"status": 500, "stored": True}
    if action == "late":
        return _late(fields)
    return {**fields, "answers_error": action in ("stored_500", "error")}


def _late(fields: Json) -> Json:
    """A request without effect and without an error of its own has left no answer to keep."""
    if "seconds" not in fields:
        raise _bad("seconds")
    answers_error = "status" in fields or "error" in fields
    effect = fields.get("effect", True)
    stored = fields.get("stored", effect or answers_error)
    return {**fields, "answers_error": answers_error, "effect": effect, "stored": stored}


def check_switch(given: Json) -> Json:
    return _checked(given, SWITCH)


def check_seconds(given: Json) -> int:
    """The clock only goes forward: Stripe's time never runs back."""
    return int(_checked(given, {"seconds": _number(0, CENTURY)}, "seconds")["seconds"])


def check_clock(given: Json) -> int:
    return int(_checked(given, {"now": _number(1, 2**40)}, "now")["now"])


def _checked(given: Json, checks: dict[str, Callable[[Any], bool]], *needed: str) -> Json:
    for name in needed:
        if name not in given:
            raise _bad(name)
    for name, value in given.items():
        if name not in checks or not checks[name](value):
            raise _bad(name)
    return given


def _bad(name: str) -> ApiError:
    return ApiError(400, f"Missing or not understood: {name}.", param=name)
