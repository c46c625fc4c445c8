"""Reads what no field of environs reads; ValueError when it will not do."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from limits import parse_many
from marshmallow.fields import Boolean

from payments.kit import crypto
from payments.kit.db import normalize_url

LEVELS = {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}


def parse_rate(raw: str) -> str:
    """Return a rate limit such as `100 per minute`."""
    parse_many(raw)
    return raw


def parse_level(raw: str) -> str:
    """Return the name of a log level."""
    if raw.upper() not in LEVELS:
        raise ValueError(raw)
    return raw.upper()


def parse_zone(raw: str) -> str:
    """Return the IANA name of a time zone that is known here."""
    return ZoneInfo(raw).key


def parse_sealing_keys(raw: str) -> tuple[bytes, ...]:
    """Return the keys of a comma-separated list, at least one."""
    keys = tuple(crypto.parse_key(part) for part in raw.split(",") if part.strip())
    if not keys:
        raise ValueError(raw)
    return keys


def parse_flag_or_file(raw: str) -> bool | str:
    """Return true, false, or the path of a file that is there."""
    if raw in Boolean.truthy | Boolean.falsy:
        return raw in Boolean.truthy
    if not Path(raw).is_file():
        raise ValueError(raw)
    return raw


def parse_database_url(raw: str) -> str:
    """Return the address of a PostgreSQL or SQLite database as SQLAlchemy takes it."""
    address = normalize_url(raw)
    try:
        backend = sa.make_url(address).get_backend_name()
    except sa.exc.ArgumentError as error:
        raise ValueError from error
    if backend not in ("postgresql", "sqlite"):
        raise ValueError
    return address


def parse_redis_url(raw: str) -> str:
    """Return the address of a Redis, with TLS or without."""
    parts = urlsplit(raw)
    # Reading the port raises ValueError when it is none.
    if parts.scheme not in ("redis", "rediss") or parts.port == 0:
        raise ValueError(raw)
    return raw


def parse_url(raw: str) -> str:
    """Return an http(s) address without user, query and closing slash."""
    if not re.fullmatch(r"https?://[A-Za-z0-9._:\[\]-]+(/[^\s?#]*)?", raw):
        raise ValueError(raw)
    if urlsplit(raw).port == 0:  # any other that is none raises ValueError itself
        raise ValueError(raw)
    return raw.rstrip("/")


def parse_https_url(raw: str) -> str:
    """Return such an address if it is https: what stands there is believed."""
    if not raw.startswith("https://"):
        raise ValueError(raw)
    return parse_url(raw)
