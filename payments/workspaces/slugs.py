"""From a workspace's name to a slug that no other workspace has."""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections.abc import Iterator

from payments.workspaces import rosters

FALLBACK = "workspace"

# Words that stand in a path where a slug could stand too.
RESERVED = frozenset({"workspace", "payment-method", "webhook", "check-name"})

_APOSTROPHES = re.compile("['’‘ʼ＇`´]")
_OTHERS = re.compile(r"[^a-z0-9]+")
_LONGEST = 90  # leaves room for a number inside the column's 100


def slugify(name: str) -> str:
    """Write a name as a slug: `John's Workspace` becomes `johns-workspace`, `Café` `cafe`."""
    letters = unicodedata.normalize("NFKD", _APOSTROPHES.sub("", name))
    plain = "".join(c for c in letters if not unicodedata.combining(c))
    return _OTHERS.sub("-", plain.casefold()).strip("-")[:_LONGEST].strip("-") or FALLBACK


def is_available(slug: str) -> bool:
    """Tell whether a new workspace would get exactly this slug."""
    return slug not in RESERVED and not rosters.taken_slugs([slug])


def free_slug(base: str) -> str:
    """Return `base`, or `base` with the lowest free number; only the insert makes it certain."""
    for candidates in _batches(base):
        taken = rosters.taken_slugs(candidates) | RESERVED
        for candidate in candidates:
            if candidate not in taken:
                return candidate
    return unusual_slug(base)


def unusual_slug(base: str) -> str:
    """Return a slug that nobody will have: for names that a thousand others chose before."""
    return f"{base}-{secrets.randbelow(10**8):08d}"


def _batches(base: str) -> Iterator[list[str]]:
    yield [base]
    for first, last in ((2, 50), (51, 1000)):
        yield [f"{base}-{number}" for number in range(first, last + 1)]
