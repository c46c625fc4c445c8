"""How often an address may be written to because somebody asked: nobody's mailbox is filled."""

from __future__ import annotations

import logging

from limits import parse
from limits.errors import StorageError
from redis.exceptions import RedisError

from payments.auth.errors import TooManyAttempts
from payments.auth.guessing import count_share, name_account
from payments.extensions import limiter
from payments.kit import clock

log = logging.getLogger(__name__)

# Of what a client may ask for in a minute: 5 mails an hour where that is 3000 requests.
_SHARE = 600


def admit_mail(email: str, project_id: str | None = None) -> None:
    """Count a mail to the address; TooManyAttempts when it gets too many, whoever asked for them.

    Nobody looks whether there is such an account.
    """
    wait = _count_mail(name_account(email, project_id))
    if wait:
        raise TooManyAttempts(wait)


def has_mail_left(email: str) -> bool:
    """Count a mail to the address and return whether it may still be sent."""
    return _count_mail(name_account(email)) == 0


def _count_mail(account: str) -> int:
    """Return for how many seconds the address gets no more mail; 0 when it may have this one."""
    limit = parse(f"{count_share(_SHARE)} per 1 hour")
    try:
        if limiter.limiter.hit(limit, "mails", account):
            return 0
        ends = limiter.limiter.get_window_stats(limit, "mails", account).reset_time
    except (RedisError, StorageError) as error:  # counting is a courtesy
        log.warning("a mail was not counted: %s", type(error).__name__)
        return 0
    return max(int(ends) - clock.timestamp(), 1)
