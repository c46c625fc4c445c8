"""Asks Stripe which account a key belongs to, once."""

from __future__ import annotations

import logging

from redis.exceptions import RedisError

from payments.extensions import settings
from payments.gateway import account_names
from payments.gateway.client import client
from payments.gateway.errors import BadCredentials, translated

log = logging.getLogger(__name__)


def get_account_id(secret_key: str | None) -> str | None:
    """Return the account's id; None when the key is restricted and may not ask for it.

    https://docs.stripe.com/api/accounts/retrieve
    """
    found = _find_learned(secret_key) if secret_key else None
    if found is not None:
        return found
    account = client(secret_key, settings().stripe_api_base)
    try:
        with translated():
            asked = account.v1.accounts.retrieve_current().id
    except BadCredentials as error:
        if not error.is_permission:
            raise
        log.warning("a key does not tell whose it is: %s", error.code)
        return None
    account_names.learn_account_id(str(secret_key), asked)
    return str(asked)


def _find_learned(secret_key: str) -> str | None:
    try:
        return account_names.find_account_id(secret_key)
    except RedisError:
        return None
