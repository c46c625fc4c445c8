"""One-time codes: those of an authenticator, and recovery codes for when it is lost."""

from __future__ import annotations

import hmac
import math
import secrets
from datetime import timedelta

import pyotp
import sqlalchemy as sa

from payments.auth.models import User
from payments.extensions import sealer
from payments.kit import clock
from payments.kit.crypto import digest
from payments.kit.db import db
from payments.kit.sealed_columns import open_column, seal_column
from payments.users.errors import TooManyCodes
from payments.users.models import SecondFactor

ISSUER = "Payments"
STEP_SECONDS = 30
RECOVERY_CODES = 10

# So many wrong codes are free; each further one costs a wait that doubles up to the longest.
# A code is one of a million, three of which are right at any moment.
FREE_FAILURES = 5
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=30), timedelta(minutes=15)


def find_factor(user_id: int) -> SecondFactor | None:
    """Return the user's second factor, enabled or only set up."""
    query = sa.select(SecondFactor).where(SecondFactor.user_id == user_id)
    return db.session.scalars(query).one_or_none()


def lock_factor(user_id: int) -> SecondFactor | None:
    """Return the same, held until the transaction ends, so that guesses count one by one."""
    query = sa.select(SecondFactor).where(SecondFactor.user_id == user_id).with_for_update()
    return db.session.scalars(query.execution_options(populate_existing=True)).one_or_none()


def has_second_factor(user: User) -> bool:
    """Return whether the user's log-ins need a code."""
    factor = find_factor(user.id)
    return factor is not None and factor.is_enabled


def seal_secret(factor: SecondFactor, secret: str) -> None:
    """Put a TOTP secret into the row, which must have its id and its user already."""
    seal_column(sealer(), factor, "secret", secret)


def make_uri(user: User, secret: str) -> str:
    """Return what an authenticator reads from a QR code.

    https://github.com/google/google-authenticator/wiki/Key-Uri-Format
    """
    return str(pyotp.TOTP(secret).provisioning_uri(name=user.email, issuer_name=ISSUER))


def accept_code(factor: SecondFactor, code: str, *, recovery: bool = True) -> bool:
    """Use a code up and return whether it was right; TooManyCodes while the account must wait.

    Runs inside the caller's transaction, which must commit also when the code was wrong.
    """
    check_wait(factor)
    accepted = _accept_totp(factor, code) or (recovery and _accept_recovery(factor, code))
    if accepted:
        factor.failures, factor.retry_at = 0, None
    else:
        count_failure(factor)
    return accepted


def check_wait(factor: SecondFactor) -> None:
    """Raise TooManyCodes while the account must wait after too many wrong guesses."""
    seconds = _seconds_to_wait(factor)
    if seconds:
        raise TooManyCodes(seconds)


def count_failure(factor: SecondFactor) -> None:
    """Count a wrong guess; those beyond the free ones cost a growing wait."""
    factor.failures = min(factor.failures + 1, 1000)
    excess = factor.failures - FREE_FAILURES
    if excess >= 0:
        factor.retry_at = clock.now() + min(FIRST_WAIT * (1 << min(excess, 10)), LONGEST_WAIT)


def make_recovery_codes(factor: SecondFactor) -> list[str]:
    """Return fresh recovery codes of 80 random bits; the row keeps their hashes."""
    codes = [pyotp.random_base32(32)[:16].lower() for _ in range(RECOVERY_CODES)]
    factor.recovery_hashes = [_hash_code(factor, code) for code in codes]
    return ["-".join(code[at : at + 4] for at in range(0, 16, 4)) for code in codes]


def new_secret() -> str:
    """Return a TOTP secret of 160 bits, as RFC 4226 asks for."""
    return str(pyotp.random_base32(32))


def _accept_totp(factor: SecondFactor, code: str) -> bool:
    """Take a code of this time step or a neighbour, never one of a step that was used.

    https://www.rfc-editor.org/rfc/rfc6238#section-5.2
    """
    totp = pyotp.TOTP(open_column(sealer(), factor, "secret") or "")
    present = clock.timestamp() // STEP_SECONDS
    for step in (present - 1, present, present + 1):
        expected = totp.at(step * STEP_SECONDS)
        if step > factor.last_step and hmac.compare_digest(expected.encode(), code.encode()):
            factor.last_step = step
            return True
    return False


def _accept_recovery(factor: SecondFactor, code: str) -> bool:
    told = _hash_code(factor, code)
    left = [kept for kept in factor.recovery_hashes if not secrets.compare_digest(kept, told)]
    if len(left) == len(factor.recovery_hashes):
        return False
    factor.recovery_hashes = left
    return True


def _hash_code(factor: SecondFactor, code: str) -> str:
    return digest(f"recovery|{factor.user_id}|{code.replace('-', '').replace(' ', '').lower()}")


def _seconds_to_wait(factor: SecondFactor) -> int:
    if factor.retry_at is None:
        return 0
    return max(math.ceil((factor.retry_at - clock.now()).total_seconds()), 0)
