"""How often a password or a key may be tried: guessing must be slow, logging in must not.

An address may try so often a minute, whatever account it tries and at either dialect's route. An
account may be tried a few times an hour at once, whatever the addresses; each further attempt
waits, longer and longer but never long: guessing costs time, and nobody is locked out.
"""

from __future__ import annotations

import logging
import math
from typing import Any

from flask import Response
from limits import parse
from limits.errors import StorageError
from redis.exceptions import RedisError

from payments.auth.errors import TooManyAttempts
from payments.extensions import limiter, settings
from payments.kit import clock, crypto

log = logging.getLogger(__name__)

# Of what an address may ask for in general, which is 3000 a minute unless RATE_LIMIT says else.
_LOGINS, _SIGN_UPS, _REGISTRATIONS, _WRONG_KEYS = 100, 100, 30, 600

# Attempts of an account within an hour that need not wait. Those beyond wait for 1, 2, 4 ... and at
# last LONGEST_WAIT seconds: about ninety attempts an hour (ASVS 2.2.1 allows a hundred).
_AT_ONCE, _AT_ONCE_SHARE = 5, 600
COUNTED_FOR, LONGEST_WAIT = 3600, 45


def _share(parts: int) -> str:
    """Return that part of RATE_LIMIT, at least one."""
    general = parse(settings().rate_limit)
    return f"{count_share(parts)} per {general.multiples} {general.GRANULARITY.name}"


def count_share(parts: int) -> int:
    """Return that part of the amount of RATE_LIMIT, at least one."""
    return max(parse(settings().rate_limit).amount // parts, 1)


def _is_refused(answer: Response) -> bool:
    return answer.status_code == 403


def _limit_address(scope: str, parts: int, **options: Any) -> Any:
    """Return a decorator of views that share one limit an address, beside the general one."""
    return limiter.shared_limit(
        lambda: _share(parts), scope=scope, override_defaults=False, **options
    )


limit_logins = _limit_address("logins", _LOGINS)
limit_sign_ups = _limit_address("sign-ups", _SIGN_UPS)
limit_registrations = _limit_address("registrations", _REGISTRATIONS)
limit_invitations = _limit_address(
    "invitations", _SIGN_UPS, exempt_when=lambda: not settings().email_verification
)
limit_wrong_keys = _limit_address("wrong keys", _WRONG_KEYS, deduct_when=_is_refused)


def name_account(email: str, project_id: str | None = None) -> str:
    """Return the name under which an account's attempts are counted, as the look-up folds it.

    It is bounded and plain ASCII, whatever was sent.
    """
    return crypto.digest(ascii((email.strip().lower(), (project_id or "").strip().lower())))


def admit_attempt(account: str) -> None:
    """Count an attempt; TooManyAttempts, with the seconds to wait, when it comes too early.

    The attempt is counted before its outcome is known: many at once do not slip through.
    """
    try:
        wait = _count(account)
    except (RedisError, StorageError) as error:  # counting is a courtesy
        log.warning("an attempt was not counted: %s", type(error).__name__)
        return
    if wait:
        raise TooManyAttempts(wait)


def clear_attempts(account: str) -> None:
    """Forget the account's attempts, after one that succeeded."""
    try:
        for name in (_counter(account), _gate(account)):
            limiter.limiter.storage.clear(name)
    except (RedisError, StorageError) as error:
        log.warning("attempts were not forgotten: %s", type(error).__name__)


def _count(account: str) -> int:
    """Return for how many seconds the attempt must wait; 0 when it may go on."""
    storage = limiter.limiter.storage
    beyond = storage.incr(_counter(account), COUNTED_FOR) - max(
        count_share(_AT_ONCE_SHARE), _AT_ONCE
    )
    if beyond <= 0:
        return 0
    # Whoever is first takes the place, and the next one is free only after the wait.
    wait = min(2 ** min(beyond - 1, 10), LONGEST_WAIT)
    if storage.incr(_gate(account), wait) == 1:
        return 0
    left = storage.get_expiry(_gate(account)) - clock.now().timestamp()
    return min(max(math.ceil(left), 1), LONGEST_WAIT)


def _counter(account: str) -> str:
    return f"attempts/{account}"


def _gate(account: str) -> str:
    return f"attempt-gate/{account}"
