"""Whether secrets are long, cannot be guessed and differ from one another."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from zxcvbn import zxcvbn

from payments.config.environment import Environment

# Of what signs or opens something; Stripe's webhook secrets have 32 after their prefix.
SHORTEST_KEY, SHORTEST_HOOK = 32, 24
# Whoever tries a million a second for a hundred thousand years makes 10^18 of them.
FEWEST_GUESSES_LOG10 = 16
# zxcvbn takes longer the longer the text is; this many characters have to do.
_LOOKED_AT = 24
# Of 32 random bytes 30 differ on average, and in practice never fewer than 20.
_FEWEST_BYTES = 16


def check_secrets(env: Environment, values: dict[str, Any]) -> None:
    """Refuse secrets that are short, can be guessed, or stand in for one another."""
    for name, secret in _list_keys(env, values):
        if len(secret) < SHORTEST_KEY:
            env.refuse(name, f"must have at least {SHORTEST_KEY} characters in production")
        elif is_guessable(secret):
            env.refuse(name, "can be guessed: make one by `flask keys new`")
    for secret in values["stripe_webhook_secrets"]:
        _check_hook(env, secret)
    if any(_is_regular(key) for key in values["credentials_keys"] or ()):
        env.refuse("CREDENTIALS_KEYS", "can be guessed: make one by `flask keys new`")
    _refuse_equals(env, values)


def is_guessable(secret: str) -> bool:
    """Return whether a text is made of repeats, runs, dates or words that are tried first.

    https://github.com/dropbox/zxcvbn
    """
    return float(zxcvbn(secret[:_LOOKED_AT])["guesses_log10"]) < FEWEST_GUESSES_LOG10


def _check_hook(env: Environment, secret: str) -> None:
    if not secret.startswith("whsec_") or len(secret) < SHORTEST_HOOK:
        what = f"must be whsec_... with {SHORTEST_HOOK} characters or more in production"
        env.refuse("STRIPE_WEBHOOK_SECRET", what)
    elif is_guessable(secret.removeprefix("whsec_")):
        env.refuse("STRIPE_WEBHOOK_SECRET", "can be guessed: it is not one of Stripe's")


def _is_regular(key: bytes) -> bool:
    """Return whether the bytes, or the steps between them, are nearly all alike."""
    steps = {(after - before) % 256 for before, after in pairwise(key)}
    return min(len(set(key)), len(steps)) < _FEWEST_BYTES


def _list_keys(env: Environment, values: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, field in (("SECRET_KEY", "secret_keys"), ("JWT_SECRET_KEY", "jwt_secret_keys")):
        several = f"{name}S"
        told = several if env.get_text(several) else name
        yield from ((told, key) for key in values[field])
    for name, field in (("OPERATOR_KEY", "operator_key"), ("METRICS_TOKEN", "metrics_token")):
        if values[field]:
            yield name, values[field]


def _refuse_equals(env: Environment, values: dict[str, Any]) -> None:
    seen: dict[str, str] = {}
    others = [("STRIPE_WEBHOOK_SECRET", hook) for hook in values["stripe_webhook_secrets"]]
    sealing = [("CREDENTIALS_KEYS", key.hex()) for key in values["credentials_keys"] or ()]
    for name, secret in (*_list_keys(env, values), *others, *sealing):
        if secret in seen:
            same = "itself" if seen[secret] == name else seen[secret]
            env.refuse(name, f"must differ from {same}")
        seen[secret] = name
