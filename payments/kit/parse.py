"""Reads what stands in an environment variable; ValueError when it will not do."""

from __future__ import annotations

import re
from pathlib import Path

from limits import parse_many

from payments.kit import crypto
from payments.kit.db import normalize_url

TRUE, FALSE = {"1", "true", "yes", "on"}, {"", "0", "false", "no", "off"}


def environment(raw: str) -> str:
    if raw not in {"development", "production"}:
        raise ValueError(raw)
    return raw


def rate(raw: str) -> str:
    """Return a rate limit such as `100 per minute`."""
    parse_many(raw)
    return raw


def sealing_keys(raw: str) -> tuple[bytes, ...]:
    """Return the keys of a comma-separated list, at least one."""
    keys = tuple(crypto.parse_key(part) for part in raw.split(",") if part.strip())
    if not keys:
        raise ValueError(raw)
    return keys


def port(raw: str) -> int:
    if not 0 < int(raw) < 65536:
        raise ValueError(raw)
    return int(raw)


def few(raw: str) -> int:
    if not 0 <= int(raw) <= 9:
        raise ValueError(raw)
    return int(raw)


def calls(raw: str) -> int:
    if not 5 <= int(raw) <= 10_000_000:
        raise ValueError(raw)
    return int(raw)


def days(raw: str) -> int:
    """Return the days that something is kept; a hundred years are for ever."""
    if not 31 <= int(raw) <= 36_500:
        raise ValueError(raw)
    return int(raw)


def seconds(raw: str) -> float:
    # A wait is a duration, not money: fractions of a second are welcome.
    value = float(raw)
    if not 0 <= value <= 25:
        raise ValueError(raw)
    return value


def bound(raw: str) -> float:
    """Return the seconds of a time-out, up to an hour."""
    value = float(raw)
    if not 0 <= value <= 3600:
        raise ValueError(raw)
    return value


def above_zero(raw: str) -> int:
    """Return a whole number from 1 to 9999."""
    if not 1 <= int(raw) <= 9999:
        raise ValueError(raw)
    return int(raw)


def threads(raw: str) -> int:
    """Return a number of threads: one must stay while another waits, each needs a connection."""
    if not 2 <= int(raw) <= 20:
        raise ValueError(raw)
    return int(raw)


def boolean_or_file(raw: str) -> bool | str:
    """Return true, false, or the path of a file that is there."""
    if raw.lower() in TRUE | FALSE:
        return boolean(raw)
    if not Path(raw).is_file():
        raise ValueError(raw)
    return raw


def boolean(raw: str) -> bool:
    if raw.lower() not in TRUE | FALSE:
        raise ValueError(raw)
    return raw.lower() in TRUE


def is_stripes_key(key: str) -> bool:
    """Return whether it is a key of Stripe itself: those are long or live, the sandbox's short."""
    return key.startswith(("sk_live_", "rk_live_")) or len(key) > 90


def database_url(raw: str) -> str:
    """Return the address of a PostgreSQL or SQLite database with its driver."""
    if not raw.startswith(("postgres", "sqlite:")):
        raise ValueError(raw)
    return normalize_url(raw)


def switch(raw: str) -> bool:
    """Return whether it is on; what is empty is neither."""
    if not raw:
        raise ValueError(raw)
    return boolean(raw)


def smtp(raw: str) -> str:
    """Return how a connection to an SMTP server is protected: starttls, tls, or none."""
    if raw not in {"starttls", "tls", "none"}:
        raise ValueError(raw)
    return raw


def redis_url(raw: str) -> str:
    """Return the address of a Redis, with TLS or without."""
    if not raw.startswith(("redis://", "rediss://")):
        raise ValueError(raw)
    return raw


def url(raw: str) -> str:
    if not re.fullmatch(r"https?://[^\s/@]+(/[^\s]*)?", raw):
        raise ValueError(raw)
    return raw.rstrip("/")


def secure_url(raw: str) -> str:
    """Take https only: what stands there is believed."""
    if not raw.startswith("https://"):
        raise ValueError(raw)
    return url(raw)


def level(raw: str) -> str:
    if raw.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}:
        raise ValueError(raw)
    return raw.upper()
