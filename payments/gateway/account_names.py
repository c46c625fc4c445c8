"""Recognizes an account across its keys: Stripe's limits are those of the account, not of a key.

The id is learned once from the API. Until then it is read from the key itself: after `51` keys
carry the characters of their account's id. That form is not documented, so nothing but the rate
limits goes by it; a key of another form counts as an account of its own.
"""

from __future__ import annotations

import logging
import re

from redis.exceptions import RedisError

from payments.extensions import redis
from payments.kit import crypto

log = logging.getLogger(__name__)

_FORM = re.compile(r"[sr]k_(?:test|live)_5(1[A-Za-z0-9]{15})[A-Za-z0-9]{40,}", re.ASCII)
_LEARNED = "payments:stripe:account:"
# Ids never change; keys are rolled, and what nobody uses any more need not be remembered.
_KEPT_SECONDS = 30 * 24 * 3600
_MOST = 10_000

_known: dict[str, str] = {}


def name_account(secret_key: str) -> str:
    """Return the account's id as far as it is known, else a name made of the key."""
    digest = _digest(secret_key)
    found = _known.get(digest) or find_account_id(secret_key) or _read_form(secret_key)
    if found is None:
        return digest  # and asked for again: another process may learn it
    _remember(digest, found)
    return found


def _read_form(secret_key: str) -> str | None:
    form = _FORM.fullmatch(secret_key)
    return f"acct_{form[1]}" if form else None


def find_account_id(secret_key: str) -> str | None:
    """Return the account's id if it was learned before; raise RedisError without Redis."""
    held = redis().get(_LEARNED + _digest(secret_key))
    return held.decode() if isinstance(held, bytes) else None


def learn_account_id(secret_key: str, account_id: str) -> None:
    """Keep what Stripe said is the id of this key's account; without Redis for this process."""
    digest = _digest(secret_key)
    _remember(digest, account_id)
    try:
        redis().set(_LEARNED + digest, account_id, ex=_KEPT_SECONDS)
    except RedisError as error:
        log.warning("an account's id was not kept: %s", type(error).__name__)


def _remember(digest: str, name: str) -> None:
    if len(_known) >= _MOST:
        _known.clear()
    _known[digest] = name


def _digest(secret_key: str) -> str:
    return crypto.digest(secret_key)[:24]
