"""What may be shown of a key: its kind and its last four characters."""

from __future__ import annotations

import re

_KIND = re.compile(r"(?:[a-z]{2}_(?:test|live)|whsec)_")
_SHOWN, _SHORTEST = 4, 8


def mask(secret: str) -> str:
    """Return `sk_test_...aBcD`; of a body so short that four characters would tell it, nothing."""
    kind = _KIND.match(secret)
    body = secret[kind.end() :] if kind else secret
    tail = body[-_SHOWN:] if len(body) >= _SHORTEST else ""
    return f"{kind.group() if kind else ''}...{tail}"
