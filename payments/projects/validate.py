"""Tries a Stripe key before it is stored; nothing but its account's id is kept."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass

from payments.gateway import billing, permissions
from payments.gateway.account_ids import get_account_id
from payments.gateway.errors import BadCredentials, GatewayError, Rejected
from payments.kit.transactions import end_read

log = logging.getLogger(__name__)

# Secret keys, and the restricted ones that Stripe advises. https://docs.stripe.com/keys
_KEY = re.compile(r"(?:sk|rk)_(test|live)_[A-Za-z0-9_]+", re.ASCII)


@dataclass(frozen=True)
class Verdict:
    """Whether a key is good for its mode, and why not."""

    valid: bool
    message: str


_GOOD = Verdict(True, "Stripe credentials are valid")
_NO_KEY = Verdict(False, "Invalid API Key provided: a secret key starts with sk_test_ or sk_live_")


def check(*, secret_key: str, is_test_mode: bool) -> Verdict:
    """Ask Stripe for what the key may do; raise Unavailable when Stripe is not there.

    A secret key may do everything, so one call is enough. Of a restricted one each permission is
    tried that the service reads with, and those that are missing are named.
    """
    shape = _KEY.fullmatch(secret_key)
    if shape is None:
        return _NO_KEY
    if (shape.group(1) == "test") is not is_test_mode:
        return _wrong_mode(is_test_mode)
    end_read()
    try:
        verdict = _try_key(secret_key, is_test_mode)
    except (BadCredentials, Rejected) as error:
        return Verdict(False, error.message)
    if verdict.valid:
        _learn_account(secret_key)
    return verdict


def _try_key(secret_key: str, is_test_mode: bool) -> Verdict:
    if secret_key.startswith(permissions.RESTRICTED):
        missing = permissions.find_missing_permissions(secret_key)
        return _lacking(missing) if missing else _GOOD
    live = billing.account(secret_key).check_key()
    return _wrong_mode(is_test_mode) if live is is_test_mode else _GOOD


def _lacking(missing: list[str]) -> Verdict:
    return Verdict(False, f"The restricted key lacks permissions: {', '.join(missing)}")


def _learn_account(secret_key: str) -> None:
    """Learn whose key it is, so that all keys of an account share its rate limits."""
    try:
        get_account_id(secret_key)
    except GatewayError as error:
        log.warning("the account of a key is not known: %s", error.code)


def _wrong_mode(is_test_mode: bool) -> Verdict:
    asked, other = ("test", "live") if is_test_mode else ("live", "test")
    return Verdict(False, f"Invalid API Key provided: a {other} key, but {asked} mode is meant")
