"""Which passwords are guessed first: common ones, their likes, and the person's own address."""

from __future__ import annotations

import string
from functools import cache
from itertools import pairwise

from zxcvbn.frequency_lists import FREQUENCY_LISTS

# A piece of this length is guessed at once, however often it is repeated.
_SHORT_PIECE = 6
# What is left without digits and signs at the ends says something from this length on.
_SHORTEST_CORE = 4
_PADDING = string.digits + string.punctuation + string.whitespace


def is_easily_guessed(password: str) -> bool:
    """Return whether the password is common, a common one in between digits and signs, one short
    or common piece repeated, or a plain run such as 123456789012 or abcdefghijkl."""
    folded = password.casefold()
    core = _strip_padding(folded)
    pieces = [folded, core] if len(core) >= _SHORTEST_CORE else [folded]
    return any(_is_common(piece) or _is_repeated(piece) or _is_run(piece) for piece in pieces)


def is_built_on(password: str, email: str) -> bool:
    """Return whether the password is the address or its local part, also padded by digits."""
    folded, address = password.casefold(), email.casefold().strip()
    parts = {address, address.partition("@")[0]}
    parts |= {_strip_padding(part) for part in parts}
    return bool({folded, _strip_padding(folded)} & (parts - {""}))


def _is_common(text: str) -> bool:
    return text in _read_common_passwords()


def _is_repeated(text: str) -> bool:
    """Return whether the text is one piece again and again; the last time it may be cut."""
    pieces = (text[:size] for size in range(1, len(text) // 2 + 1))
    repeated = (piece for piece in pieces if (piece * len(text))[: len(text)] == text)
    return any(
        len(piece) <= _SHORT_PIECE or _is_common(_strip_padding(piece)) for piece in repeated
    )


def _is_run(text: str) -> bool:
    """Return whether each character follows the one before, or each precedes it; 0 follows 9."""
    steps = {_measure_step(*pair) for pair in pairwise(text)}
    return steps in ({1}, {-1})


def _measure_step(first: str, second: str) -> int:
    if first + second in ("90", "09"):
        return 1 if second == "0" else -1
    return ord(second) - ord(first)


def _strip_padding(text: str) -> str:
    return text.strip(_PADDING)


@cache
def _read_common_passwords() -> frozenset[str]:
    """Return the 30,000 most common passwords: https://github.com/dwolfhub/zxcvbn-python"""
    return frozenset(word.casefold() for word in FREQUENCY_LISTS["passwords"])
