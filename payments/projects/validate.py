"""Tries a Stripe key before it is stored: one call, nothing kept."""

from __future__ import annotations

import re
from dataclasses import dataclass

from payments.gateway import billing
from payments.gateway.errors import BadCredentials, Rejected
from payments.kit.transactions import end_read

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
    """Ask Stripe for the account's balance with the key; Unavailable when Stripe is not there."""
    shape = _KEY.fullmatch(secret_key)
    if shape is None:
        return _NO_KEY
    if (shape.group(1) == "test") is not is_test_mode:
        return _wrong_mode(is_test_mode)
    end_read()
    try:
        live = billing.account(secret_key).check_key()
    except (BadCredentials, Rejected) as error:
        return Verdict(False, error.message)
    return _wrong_mode(is_test_mode) if live is is_test_mode else _GOOD


def _wrong_mode(is_test_mode: bool) -> Verdict:
    asked, other = ("test", "live") if is_test_mode else ("live", "test")
    return Verdict(False, f"Invalid API Key provided: a {other} key, but {asked} mode is meant")
