"""The settings: read once from the environment, validated by name, frozen afterwards."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from payments import local_secrets
from payments.kit import parse, public_keys
from payments.kit.db import normalize_url
from payments.kit.environ import ConfigError, Reader
from payments.kit.postgres import DatabaseBounds

SANDBOX_PLATFORM_KEY = "sk_test_sandboxplatform"


@dataclass(frozen=True)
class Settings:
    """Everything the environment decides. Secrets stay out of the repr."""

    env: str
    database_url: str = field(repr=False)
    database_bounds: DatabaseBounds
    redis_url: str = field(repr=False)
    redis_tls_verify: bool | str
    data_dir: Path
    secret_key: str = field(repr=False)
    jwt_secret_key: str | None = field(repr=False)
    jwt_public_key: str | None
    jwt_jwks_url: str | None
    jwt_issuer: str | None
    jwt_audience: str | None
    credentials_keys: tuple[bytes, ...] = field(repr=False)
    stripe_secret_key: str | None = field(repr=False)
    stripe_webhook_secrets: tuple[str, ...] = field(repr=False)
    stripe_api_base: str | None
    stripe_rate_limit_live: int
    stripe_rate_limit_test: int
    stripe_rate_limit_operation: int
    event_retention_days: int
    timeline_retention_days: int
    session_retention_days: int
    public_url: str
    invoice_bucket: str | None
    aws_region: str | None
    aws_endpoint_url: str | None
    charge_wait_seconds: float
    web_threads: int
    maintenance_mode: bool
    operator_key: str | None = field(repr=False)
    invoice_timezone: str
    seller_name: str
    seller_address: tuple[str, ...]
    rate_limit: str
    trusted_proxies: int
    metrics_token: str | None = field(repr=False)
    api_docs: bool
    access_log: bool
    log_level: str
    port: int
    sandbox_port: int

    @property
    def production(self) -> bool:
        return self.env == "production"

    @property
    def stripe_mode(self) -> str:
        """The mode of the platform's own Stripe key."""
        return "live" if "_live_" in (self.stripe_secret_key or "") else "test"

    @property
    def sandbox_url(self) -> str:
        return f"http://127.0.0.1:{self.sandbox_port}"


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Build the settings; ConfigError names every wrong or missing variable."""
    reader = Reader(os.environ if environ is None else environ)
    env = reader.parsed(
        "PAYMENTS_ENV", "development", parse.environment, "development or production"
    )
    values = {"env": env, **_places(reader), **_numbers(reader), **_texts(reader)}
    values |= {**_limits(reader), **_retention(reader)}
    values |= _exposure(reader, production=env == "production")
    values |= _provider(reader, production=env == "production")
    values |= _secrets(reader, values, production=env == "production")
    if env == "production":
        _refuse_defaults(reader, values)
    if reader.faults:
        raise ConfigError("; ".join(reader.faults))
    return Settings(**values)


def _places(reader: Reader) -> dict[str, Any]:
    folder = Path(reader.text("DATA_DIR", ".data") or ".data").absolute()
    port = reader.parsed("PORT", "8000", parse.port, "a port number")
    sqlite = f"sqlite:///{folder / 'payments.sqlite3'}"
    valkey = reader.parsed("VALKEY_PORT", "6399", parse.port, "a port number")
    redis = reader.parsed(
        "REDIS_URL",
        f"redis://127.0.0.1:{valkey}/0",
        parse.redis_url,
        "a redis:// or rediss:// address",
    )
    return {
        "data_dir": folder,
        "port": port,
        "sandbox_port": reader.parsed("SANDBOX_PORT", "12111", parse.port, "a port number"),
        "database_url": reader.parsed(
            "DATABASE_URL", sqlite, _database, "a postgres:// or sqlite:// address"
        ),
        "redis_url": redis,
        "redis_tls_verify": reader.parsed(
            "REDIS_TLS_VERIFY", "true", parse.boolean_or_file, "true, false or a CA file"
        ),
        "public_url": reader.parsed(
            "PUBLIC_URL", f"http://127.0.0.1:{port}", parse.url, "an http(s) address"
        ),
    }


def _database(raw: str) -> str:
    if not raw.startswith(("postgres", "sqlite:")):
        raise ValueError(raw)
    return normalize_url(raw)


def _numbers(reader: Reader) -> dict[str, Any]:
    return {
        "charge_wait_seconds": reader.parsed(
            "CHARGE_WAIT_SECONDS", "10", parse.seconds, "0 to 25 seconds"
        ),
        "web_threads": reader.parsed("WEB_THREADS", "8", parse.threads, "a number from 2 to 20"),
        "database_bounds": _database_bounds(reader),
        "maintenance_mode": reader.parsed(
            "MAINTENANCE_MODE", "false", parse.boolean, "true or false"
        ),
        "invoice_timezone": reader.parsed(
            "INVOICE_TIMEZONE", "UTC", lambda raw: ZoneInfo(raw).key, "an IANA time zone"
        ),
        "log_level": reader.parsed("LOG_LEVEL", "INFO", parse.level, "a log level"),
        "rate_limit": reader.parsed(
            "RATE_LIMIT", "3000 per minute", parse.rate, "a rate such as 100 per minute"
        ),
        "trusted_proxies": reader.parsed("TRUSTED_PROXIES", "0", parse.few, "a number from 0 to 9"),
    }


def _database_bounds(reader: Reader) -> DatabaseBounds:
    """Read how long the database may keep anybody waiting; 0 leaves a bound out."""
    what = "0 to 3600 seconds"
    return DatabaseBounds(
        lock=reader.parsed("DATABASE_LOCK_TIMEOUT", "5", parse.bound, what) or 0,
        statement=reader.parsed("DATABASE_STATEMENT_TIMEOUT", "20", parse.bound, what) or 0,
        idle=reader.parsed("DATABASE_IDLE_TIMEOUT", "15", parse.bound, what) or 0,
        answer=reader.parsed("DATABASE_ANSWER_TIMEOUT", "25", parse.bound, what) or 0,
        pool=reader.parsed("DATABASE_POOL_TIMEOUT", "10", parse.bound, what) or 0,
    )


def _limits(reader: Reader) -> dict[str, Any]:
    """Read how often Stripe may be called. https://docs.stripe.com/rate-limits"""
    what = "a number of calls a second, 5 or more"
    return {
        "stripe_rate_limit_live": reader.parsed("STRIPE_RATE_LIMIT_LIVE", "100", parse.calls, what),
        "stripe_rate_limit_test": reader.parsed("STRIPE_RATE_LIMIT_TEST", "25", parse.calls, what),
        "stripe_rate_limit_operation": reader.parsed(
            "STRIPE_RATE_LIMIT_OPERATION", "25", parse.calls, what
        ),
    }


def _retention(reader: Reader) -> dict[str, Any]:
    """Read how many days are kept: never fewer than Stripe lists its events for, and one more.

    https://docs.stripe.com/api/events
    """
    what = "a number of days, 31 or more"
    return {
        "event_retention_days": reader.parsed("EVENT_RETENTION_DAYS", "90", parse.days, what),
        "timeline_retention_days": reader.parsed(
            "TIMELINE_RETENTION_DAYS", "730", parse.days, what
        ),
        "session_retention_days": reader.parsed("SESSION_RETENTION_DAYS", "90", parse.days, what),
    }


def _texts(reader: Reader) -> dict[str, Any]:
    address = reader.text("SELLER_ADDRESS", "") or ""
    endpoint = reader.text("AWS_ENDPOINT_URL", "")
    return {
        "invoice_bucket": reader.text("INVOICE_STORAGE_BUCKET")
        or reader.text("PROFILE_STORAGE_BUCKET"),
        "aws_region": reader.text("AWS_REGION") or reader.text("AWS_DEFAULT_REGION"),
        "aws_endpoint_url": reader.parsed("AWS_ENDPOINT_URL", "", parse.url, "an http(s) address")
        if endpoint
        else None,
        "operator_key": reader.text("OPERATOR_KEY"),
        "seller_name": reader.text("SELLER_NAME", "Payments"),
        "seller_address": tuple(line.strip() for line in address.split("|") if line.strip()),
    }


def _provider(reader: Reader, *, production: bool) -> dict[str, Any]:
    """Read where the platform's own identity provider has its keys, if it has one."""
    pem, url = reader.text("JWT_PUBLIC_KEY"), reader.text("JWT_JWKS_URL")
    if pem and url:
        reader.fault("JWT_JWKS_URL", "must not be set beside JWT_PUBLIC_KEY")
    if pem:
        reader.parsed("JWT_PUBLIC_KEY", pem, public_keys.from_pem, "the PEM of a public key")
    if url:
        allowed = parse.secure_url if production else parse.url
        reader.parsed("JWT_JWKS_URL", url, allowed, "an https address")
    return {
        "jwt_public_key": pem,
        "jwt_jwks_url": url,
        "jwt_issuer": reader.text("JWT_ISSUER"),
        "jwt_audience": reader.text("JWT_AUDIENCE"),
    }


def _exposure(reader: Reader, *, production: bool) -> dict[str, Any]:
    """Read what is shown to whom, and what is logged."""
    open_by_default = "off" if production else "on"
    return {
        "metrics_token": reader.text("METRICS_TOKEN"),
        "api_docs": reader.parsed("API_DOCS", open_by_default, parse.boolean, "on or off"),
        "access_log": reader.parsed("ACCESS_LOG", "on", parse.boolean, "on or off"),
    }


def _has_provider(values: dict[str, Any]) -> bool:
    return bool(values["jwt_public_key"] or values["jwt_jwks_url"])


def _secrets(reader: Reader, values: dict[str, Any], *, production: bool) -> dict[str, Any]:
    local = {} if production else _local(reader, values["data_dir"])
    keys = reader.text("CREDENTIALS_KEYS", local.get("credentials_keys")) or ""
    stripe_key = reader.text("STRIPE_SECRET_KEY", None if production else SANDBOX_PLATFORM_KEY)
    hooks = reader.text("STRIPE_WEBHOOK_SECRET", local.get("stripe_webhook_secret")) or ""
    stripe_itself = production or _is_stripes(stripe_key or "")
    sandbox = None if stripe_itself else f"http://127.0.0.1:{values['sandbox_port']}"
    base = reader.text("STRIPE_API_BASE", sandbox)
    return {
        "secret_key": reader.text("SECRET_KEY", local.get("secret_key")),
        "jwt_secret_key": reader.text(
            "JWT_SECRET_KEY", None if _has_provider(values) else local.get("jwt_secret_key")
        ),
        "credentials_keys": reader.parsed(
            "CREDENTIALS_KEYS", keys, parse.sealing_keys, "32-byte keys in base64"
        )
        if keys
        else (),
        "stripe_secret_key": stripe_key,
        "stripe_webhook_secrets": tuple(s.strip() for s in hooks.split(",") if s.strip()),
        "stripe_api_base": reader.parsed("STRIPE_API_BASE", base, parse.url, "an http(s) address")
        if base
        else None,
        "operator_key": values["operator_key"] or local.get("operator_key"),
    }


def _local(reader: Reader, folder: Path) -> dict[str, str]:
    try:
        return local_secrets.read(folder)
    except (OSError, ValueError):
        reader.fault("DATA_DIR", f"must be a folder that can be written: {folder}")
        return {}


def _is_stripes(key: str) -> bool:
    """Stripe's keys are long or live; for the sandbox one takes whatever short one one likes."""
    return key.startswith(("sk_live_", "rk_live_")) or len(key) > 90


def _refuse_defaults(reader: Reader, values: dict[str, Any]) -> None:
    """Name whatever production must not leave to a default."""
    needed = ["SECRET_KEY", "CREDENTIALS_KEYS", "STRIPE_SECRET_KEY", "REDIS_URL"]
    if not _has_provider(values):
        needed.append("JWT_SECRET_KEY")
    for name in needed:
        if not reader.text(name):
            reader.fault(name, "must be set in production")
    for name in ("SECRET_KEY", "JWT_SECRET_KEY"):
        if 0 < len(reader.text(name) or "") < 32:
            reader.fault(name, "must have at least 32 characters in production")
    if (values["database_url"] or "sqlite").startswith("sqlite"):
        reader.fault("DATABASE_URL", "must be a PostgreSQL address in production")
    if values["stripe_secret_key"] == SANDBOX_PLATFORM_KEY:
        reader.fault("STRIPE_SECRET_KEY", "is the sandbox's")
