"""A client's metadata as Stripe takes it: few short keys, and texts as values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from payments.kit.storable import is_storable

# https://docs.stripe.com/metadata#data
MOST_KEYS, LONGEST_KEY, LONGEST_VALUE = 50, 40, 500
USER, PROJECT, SECOND = "user_id", "project_id", "allow_existing_subscription"
# The price that a Checkout sold, only in the metadata of the subscription that it made.
PLAN = "plan_price_id"
OURS = (USER, PROJECT, SECOND, PLAN)
# The clients' share was 47 keys before PLAN came: it is written only where a key is left.
_RESERVED_KEYS = 3


class UnfitMetadata(ValueError):
    """Stripe would refuse these; it says why."""


def texts(given: Mapping[str, Any] | None) -> dict[str, str]:
    """Turn any JSON values into texts; UnfitMetadata beyond Stripe's limits.

    Texts stay as they are, a null is left out, everything else is written as JSON. What goes by
    a name of ours is dropped: it would be believed.
    """
    found = {key: _text(key, value) for key, value in (given or {}).items() if value is not None}
    for name in OURS:
        found.pop(name, None)
    if len(found) + _RESERVED_KEYS > MOST_KEYS:
        raise UnfitMetadata(f"Must have at most {MOST_KEYS - _RESERVED_KEYS} keys.")
    return found


def _text(key: str, value: Any) -> str:
    if not 0 < len(key) <= LONGEST_KEY or "[" in key or "]" in key:
        raise UnfitMetadata(f"Keys must have 1 to {LONGEST_KEY} characters and no brackets.")
    text = value if isinstance(value, str) else _json(value)
    if len(text) > LONGEST_VALUE:
        raise UnfitMetadata(f"Values must have at most {LONGEST_VALUE} characters.")
    if not (is_storable(key) and is_storable(text)):
        raise UnfitMetadata("Contains characters that are not allowed.")
    return text


def _json(value: Any) -> str:
    try:
        return json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    except (ValueError, RecursionError) as error:  # NaN, or too deep
        raise UnfitMetadata("Values must be plain JSON.") from error
