"""Passwords are kept as salted scrypt hashes; an unknown user costs as much time as a known."""

from __future__ import annotations

import unicodedata
from functools import cache

from werkzeug.security import check_password_hash, generate_password_hash

SHORTEST, LONGEST = 8, 128

# N=2^15, r=8, p=1: 32 MiB and about a twentieth of a second; stored in each hash, so that it
# can be raised at any time.
METHOD = "scrypt:32768:8:1"


def hashed(password: str) -> str:
    """Return the salted hash to store."""
    return generate_password_hash(_normal(password), METHOD)


def matches(password: str, stored: str | None) -> bool:
    """Compare in constant time; without a stored hash a decoy is checked and False returned."""
    right = check_password_hash(stored or _decoy(METHOD), _normal(password))
    return right and stored is not None


@cache
def _decoy(method: str) -> str:
    return generate_password_hash("nobody has this password", method)


def _normal(password: str) -> str:
    # The same letters typed on another keyboard may come as other code points.
    return unicodedata.normalize("NFKC", password)
