"""Passwords: kept as argon2id hashes; an unknown user costs as much time as a known one."""

from __future__ import annotations

import base64
import secrets
import unicodedata
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from werkzeug.security import check_password_hash

from payments.auth import weakness
from payments.auth.errors import WeakPassword
from payments.auth.hashing_slots import run_in_slot

SHORTEST, LONGEST = 12, 128

# At or above the minimum of OWASP (19 MiB, 2 passes, 1 lane). The passes beyond it make a check
# take about as long as one of the scrypt hashes of before: the time does not tell which one an
# account has, nor that there is none.
# https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html#argon2id
HASHER = PasswordHasher(memory_cost=19_456, time_cost=10, parallelism=1)

_ARGON2, _BEFORE = "$argon2id$", "scrypt:"


def hash_password(password: str) -> str:
    """Return the salted hash to store; HashingBusy when all slots are taken."""
    return run_in_slot(HASHER.hash, _normalize(password))


def is_password_correct(password: str, stored: str | None) -> bool:
    """Compare with a stored hash, or with a decoy that nothing opens when there is none.

    HashingBusy when all slots are taken.
    """
    return run_in_slot(_verify, stored or "", _normalize(password))


def needs_rehash(stored: str) -> bool:
    """Return whether the hash was made in another way, or at another cost, than new ones are."""
    return not stored.startswith(_ARGON2) or HASHER.check_needs_rehash(stored)


def check_new_password(password: str, *, email: str, field: str = "password") -> None:
    """Raise WeakPassword when nobody should choose this password; `field` is where it was sent.

    Length and a list of common passwords, no rule of composition (ASVS 2.1.1, 2.1.7, 2.1.9).
    """
    plain = _normalize(password)
    if not SHORTEST <= len(plain) <= LONGEST:
        raise WeakPassword(f"Must have {SHORTEST} to {LONGEST} characters.", field=field)
    if weakness.is_built_on(plain, email):
        raise WeakPassword("Must not be the email address.", field=field)
    if weakness.is_easily_guessed(plain):
        raise WeakPassword("Is too common or too regular, choose another one.", field=field)


def _verify(stored: str, password: str) -> bool:
    is_known = stored.startswith(_ARGON2)
    try:
        if stored.startswith(_BEFORE):
            return check_password_hash(stored, password)
        HASHER.verify(stored if is_known else _make_decoy(HASHER), password)
    except (VerificationError, ValueError):  # another password, or a text that is no hash
        return False
    return is_known


@cache
def _make_decoy(hasher: PasswordHasher) -> str:
    """Return a hash of the present cost that is the hash of nothing."""
    salt, tag = (
        base64.b64encode(secrets.token_bytes(length)).decode().rstrip("=")
        for length in (hasher.salt_len, hasher.hash_len)
    )
    cost = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"{_ARGON2}v=19${cost}${salt}${tag}"


def _normalize(password: str) -> str:
    # The same letters typed on another keyboard may come as other code points.
    return unicodedata.normalize("NFKC", password)
