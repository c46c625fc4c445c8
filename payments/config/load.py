"""Reads every variable; what must agree with one another is checked in `production`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from payments.config import parsers, production
from payments.config.credentials import read_provider, read_secrets, read_stripe
from payments.config.environment import Environment
from payments.config.settings import Settings
from payments.kit.postgres import DatabaseBounds


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Build the settings; ConfigError names every wrong or missing variable."""
    env = Environment(os.environ if environ is None else environ)
    values: dict[str, Any] = {
        "env": env.read_choice("PAYMENTS_ENV", "development", ("development", "production"))
    }
    values |= {**_read_places(env), **_read_limits(env), **_read_retention(env)}
    values |= {**_read_invoices(env), **_read_mail(env), **read_provider(env, values)}
    values |= {**read_secrets(env, values), **read_stripe(env, values)}
    values |= _read_switches(env, values)
    production.secure(env, values)
    env.check()
    return Settings(**values)


def _read_places(env: Environment) -> dict[str, Any]:
    folder = Path(env.str("DATA_DIR", ".data")).absolute()
    port, valkey = _read_port(env, "PORT", 8000), _read_port(env, "VALKEY_PORT", 6399)
    public = env.read_url("PUBLIC_URL", f"http://127.0.0.1:{port or 8000}")
    return {
        "data_dir": folder,
        "port": port,
        "sandbox_port": _read_port(env, "SANDBOX_PORT", 12111),
        "database_url": env.parse(
            "DATABASE_URL",
            f"sqlite:///{folder / 'payments.sqlite3'}",
            parsers.parse_database_url,
            "a postgres:// or sqlite:// address",
        ),
        "database_bounds": _read_bounds(env),
        "redis_url": env.parse(
            "REDIS_URL",
            f"redis://127.0.0.1:{valkey or 6399}/0",
            parsers.parse_redis_url,
            "a redis:// or rediss:// address",
        ),
        "redis_tls_verify": env.parse(
            "REDIS_TLS_VERIFY", "true", parsers.parse_flag_or_file, "true, false or a CA file"
        ),
        "public_url": public,
        "frontend_url": env.read_url("FRONTEND_URL", public),
    }


def _read_port(env: Environment, name: str, default: int) -> int | None:
    return env.read_int(name, default, least=1, most=65535, what="a port number")


def _read_bounds(env: Environment) -> DatabaseBounds:
    """Read how long the database may keep anybody waiting; 0 leaves a bound out."""
    return DatabaseBounds(
        lock=env.read_seconds("DATABASE_LOCK_TIMEOUT", 5, most=3600),
        statement=env.read_seconds("DATABASE_STATEMENT_TIMEOUT", 20, most=3600),
        idle=env.read_seconds("DATABASE_IDLE_TIMEOUT", 15, most=3600),
        answer=env.read_seconds("DATABASE_ANSWER_TIMEOUT", 25, most=3600),
        pool=env.read_seconds("DATABASE_POOL_TIMEOUT", 10, most=3600),
    )


def _read_limits(env: Environment) -> dict[str, Any]:
    return {
        "charge_wait_seconds": env.read_seconds("CHARGE_WAIT_SECONDS", 10, most=25),
        # One thread must stay while another waits, and each needs a database connection.
        "web_threads": env.read_int(
            "WEB_THREADS", 8, least=2, most=20, what="a number from 2 to 20"
        ),
        "rate_limit": env.parse(
            "RATE_LIMIT", "3000 per minute", parsers.parse_rate, "a rate such as 100 per minute"
        ),
        "stripe_rate_limit_live": _read_calls(env, "STRIPE_RATE_LIMIT_LIVE", 100),
        "stripe_rate_limit_test": _read_calls(env, "STRIPE_RATE_LIMIT_TEST", 25),
        "stripe_rate_limit_operation": _read_calls(env, "STRIPE_RATE_LIMIT_OPERATION", 25),
        "trusted_proxies": env.read_int(
            "TRUSTED_PROXIES", 0, least=0, most=9, what="a number from 0 to 9"
        ),
        "password_hashing_slots": env.read_int(
            "PASSWORD_HASHING_SLOTS", 1, least=1, most=64, what="a number from 1 to 64"
        ),
        "session_lifetime_days": env.read_int(
            "SESSION_LIFETIME_DAYS", 30, least=1, most=365, what="a number of days from 1 to 365"
        ),
        "event_quota_mb": env.read_int(
            "EVENT_QUOTA_MB", 1024, least=0, most=10_000_000, what="a number of megabytes"
        ),
    }


def _read_calls(env: Environment, name: str, default: int) -> int | None:
    """Read how often Stripe may be called. https://docs.stripe.com/rate-limits"""
    what = "a number of calls a second, 5 or more"
    return env.read_int(name, default, least=5, most=10_000_000, what=what)


def _read_retention(env: Environment) -> dict[str, Any]:
    """Read how many days are kept: never fewer than Stripe lists its events for, and one more.

    https://docs.stripe.com/api/events
    """
    return {
        "event_retention_days": _read_days(env, "EVENT_RETENTION_DAYS", 90),
        "timeline_retention_days": _read_days(env, "TIMELINE_RETENTION_DAYS", 730),
        "session_retention_days": _read_days(env, "SESSION_RETENTION_DAYS", 90),
        "key_destruction_days": env.read_int(
            "KEY_DESTRUCTION_DAYS", 7, least=0, most=90, what="a number of days from 0 to 90"
        ),
    }


def _read_days(env: Environment, name: str, default: int) -> int | None:
    # A hundred years are for ever.
    return env.read_int(name, default, least=31, most=36_500, what="a number of days, 31 or more")


def _read_invoices(env: Environment) -> dict[str, Any]:
    address = env.str("SELLER_ADDRESS", "")
    return {
        "invoice_bucket": env.get_first_text("INVOICE_STORAGE_BUCKET", "PROFILE_STORAGE_BUCKET"),
        "aws_region": env.get_first_text("AWS_REGION", "AWS_DEFAULT_REGION"),
        "aws_endpoint_url": env.read_url("AWS_ENDPOINT_URL"),
        "invoice_timezone": env.parse(
            "INVOICE_TIMEZONE", "UTC", parsers.parse_zone, "an IANA time zone"
        ),
        "seller_name": env.str("SELLER_NAME", "Payments"),
        "seller_address": tuple(line.strip() for line in address.split("|") if line.strip()),
    }


def _read_mail(env: Environment) -> dict[str, Any]:
    host, sender = env.get_text("SMTP_HOST"), env.get_text("MAIL_FROM")
    if host and not sender:
        env.refuse("MAIL_FROM", "must be set with SMTP_HOST")
    return {
        "smtp_host": host,
        "smtp_port": _read_port(env, "SMTP_PORT", 587),
        "smtp_username": env.get_text("SMTP_USERNAME"),
        "smtp_password": env.get_text("SMTP_PASSWORD"),
        "smtp_security": env.read_choice("SMTP_SECURITY", "starttls", ("starttls", "tls", "none")),
        "mail_from": sender,
        "email_verification": env.read_switch("EMAIL_VERIFICATION", default=host is not None),
    }


def _read_switches(env: Environment, values: dict[str, Any]) -> dict[str, Any]:
    in_production = values["env"] == "production"
    return {
        "maintenance_mode": env.read_switch("MAINTENANCE_MODE", default=False),
        "admin_second_factor": env.read_switch("ADMIN_SECOND_FACTOR", default=in_production),
        "admin_acr_values": tuple(env.str("ADMIN_ACR_VALUES", "").split()),
        "api_docs": env.read_switch("API_DOCS", default=not in_production),
        "access_log": env.read_switch("ACCESS_LOG", default=True),
        "log_level": env.parse("LOG_LEVEL", "INFO", parsers.parse_level, "a log level"),
    }
