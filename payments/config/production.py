"""What production refuses to start with, each by the variable's name."""

from __future__ import annotations

import ipaddress
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa

from payments.config.credentials import SANDBOX_PLATFORM_KEY
from payments.config.environment import Environment
from payments.config.strength import check_secrets

# libpq's modes that never go on without TLS.
# https://www.postgresql.org/docs/current/libpq-ssl.html#LIBPQ-SSL-PROTECTION
TLS_MODES = ("require", "verify-ca", "verify-full")
KEY_PREFIXES = ("sk_test_", "sk_live_", "rk_test_", "rk_live_", "sk_org_test_", "sk_org_live_")
NEEDED = (
    *("DATABASE_URL", "REDIS_URL", "PUBLIC_URL", "TRUSTED_PROXIES"),
    *("CREDENTIALS_KEYS", "OPERATOR_KEY", "STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"),
)


def secure(env: Environment, values: dict[str, Any]) -> None:
    """Refuse what must not be, and let the database be spoken to with TLS.

    Development refuses live keys only: they belong to no machine where secrets are made up.
    """
    allows_other_base = env.read_switch("STRIPE_ALLOW_OTHER_API_BASE", default=False)
    allows_plaintext = env.read_switch("REDIS_ALLOW_PLAINTEXT", default=False)
    if values["env"] != "production":
        if "_live_" in (values["stripe_secret_key"] or ""):
            env.refuse("STRIPE_SECRET_KEY", "is a live key, which needs PAYMENTS_ENV=production")
        return
    _demand_all(env, values)
    check_secrets(env, values)
    _check_stripe(env, values, allows_other_base=allows_other_base)
    _check_addresses(env, values)
    _check_redis(env, values, allows_plaintext=allows_plaintext)
    values["database_url"] = _secure_database(env, values["database_url"])
    _check_provider(env, values)
    _check_mail(env, values)


def _demand_all(env: Environment, values: dict[str, Any]) -> None:
    missing = [name for name in NEEDED if not env.get_text(name)]
    if not values["secret_keys"]:
        missing.append("SECRET_KEY")
    if not (values["jwt_secret_keys"] or _has_provider(values)):
        missing.append("JWT_SECRET_KEY")
    for name in missing:
        env.refuse(name, "must be set in production")


def _check_stripe(env: Environment, values: dict[str, Any], *, allows_other_base: bool) -> None:
    key, base = values["stripe_secret_key"] or "", values["stripe_api_base"]
    if key == SANDBOX_PLATFORM_KEY:
        env.refuse("STRIPE_SECRET_KEY", "is the sandbox's")
    elif key.startswith("pk_"):
        env.refuse("STRIPE_SECRET_KEY", "is a publishable key, not one that begins with sk_ or rk_")
    elif key and not key.startswith(KEY_PREFIXES):
        env.refuse("STRIPE_SECRET_KEY", "must be a key of Stripe's: sk_... or rk_...")
    if base is None or _is_stripes_address(base):
        return
    if not allows_other_base:
        env.refuse("STRIPE_API_BASE", "must be https at stripe.com in production")
    elif "_test_" not in key:
        env.refuse("STRIPE_API_BASE", "may be another than Stripe's with a test key only")


def _is_stripes_address(base: str) -> bool:
    parts = urlsplit(base)
    host = parts.hostname or ""
    ours = host == "stripe.com" or host.endswith(".stripe.com")
    return parts.scheme == "https" and ours and parts.port in (None, 443)


def _check_addresses(env: Environment, values: dict[str, Any]) -> None:
    for name, field in (("PUBLIC_URL", "public_url"), ("FRONTEND_URL", "frontend_url")):
        if env.get_text(name) and (values[field] or "https:").startswith("http:"):
            env.refuse(name, "must be https in production")


def _check_redis(env: Environment, values: dict[str, Any], *, allows_plaintext: bool) -> None:
    if not env.get_text("REDIS_URL"):
        return
    parts = urlsplit(values["redis_url"] or "")
    embedded_port = env.read_int("VALKEY_PORT", 6399, least=1, most=65535, what="a port number")
    if _is_local(parts.hostname) and parts.port == embedded_port:
        env.refuse("REDIS_URL", "is the embedded server's, which production does not start")
    elif parts.scheme == "redis" and not _is_local(parts.hostname) and not allows_plaintext:
        env.refuse("REDIS_URL", "must be rediss:// to another host (or REDIS_ALLOW_PLAINTEXT=true)")


def _secure_database(env: Environment, address: str | None) -> str | None:
    """Return the address with TLS demanded; one to this host is left as it is.

    Heroku gives addresses without `sslmode`, and libpq would fall back to plain text then.
    """
    if address is None:
        return None
    if address.startswith("sqlite"):
        if env.get_text("DATABASE_URL"):
            env.refuse("DATABASE_URL", "must be a PostgreSQL address in production")
        return address
    url = sa.make_url(address)
    if all(_is_local(host) for host in _list_hosts(url)):
        return address
    mode = url.query.get("sslmode", TLS_MODES[0])
    if mode not in TLS_MODES:
        env.refuse("DATABASE_URL", "must not have an sslmode below require to another host")
    return url.update_query_dict({"sslmode": mode}).render_as_string(hide_password=False)


def _list_hosts(url: sa.URL) -> list[str | None]:
    # libpq takes hosts from the query as well, several with commas or as several fields.
    given = url.query.get("host", ())
    fields = [given] if isinstance(given, str) else list(given)
    return [url.host, *(host for field in fields for host in field.split(","))]


def _is_local(host: str | None) -> bool:
    """Return whether the host is this one: a socket's folder, localhost or a loopback address."""
    if not host or host == "localhost" or host.startswith(("/", "@")):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _has_provider(values: dict[str, Any]) -> bool:
    return bool(values["jwt_public_key"] or values["jwt_jwks_url"])


def _check_provider(env: Environment, values: dict[str, Any]) -> None:
    """Demand who tokens come from and for whom they are: a provider signs for others as well.

    https://www.rfc-editor.org/rfc/rfc8725#section-3.8
    """
    if not _has_provider(values):
        return
    for name, field in (("JWT_ISSUER", "jwt_issuer"), ("JWT_AUDIENCE", "jwt_audience")):
        if not values[field]:
            env.refuse(name, "must be set with an identity provider in production")


def _check_mail(env: Environment, values: dict[str, Any]) -> None:
    said = env.get_text("EMAIL_VERIFICATION")
    if values["smtp_host"] is None and values["email_verification"]:
        env.refuse("EMAIL_VERIFICATION", "needs SMTP_HOST in production")
    elif values["smtp_host"] is None and not said:
        env.refuse("EMAIL_VERIFICATION", "must be set to off in production without SMTP_HOST")
    if values["smtp_security"] == "none" and not _is_local(values["smtp_host"]):
        env.refuse("SMTP_SECURITY", "must be starttls or tls to another host in production")
