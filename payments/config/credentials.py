"""Reads secrets; in development the generated ones of DATA_DIR stand in for those not given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from payments import local_secrets
from payments.config import parsers
from payments.config.environment import Environment
from payments.kit import public_keys

SANDBOX_PLATFORM_KEY = "sk_test_sandboxplatform"


def read_provider(env: Environment, values: dict[str, Any]) -> dict[str, Any]:
    """Return where the platform's own identity provider has its keys, if it has one."""
    pem, url = env.get_text("JWT_PUBLIC_KEY"), env.get_text("JWT_JWKS_URL")
    if pem and url:
        env.refuse("JWT_JWKS_URL", "must not be set beside JWT_PUBLIC_KEY")
    if pem:
        env.parse("JWT_PUBLIC_KEY", pem, public_keys.from_pem, "the PEM of a public key")
    if url:
        in_production = values["env"] == "production"
        allowed = parsers.parse_https_url if in_production else parsers.parse_url
        env.parse("JWT_JWKS_URL", url, allowed, "an https address")
    return {
        "jwt_public_key": pem,
        "jwt_jwks_url": url,
        "jwt_issuer": env.get_text("JWT_ISSUER"),
        "jwt_audience": env.get_text("JWT_AUDIENCE"),
    }


def read_secrets(env: Environment, values: dict[str, Any]) -> dict[str, Any]:
    """Return what signs and seals, and the keys that people and programs show."""
    local = _read_local(env, values)
    has_provider = values["jwt_public_key"] or values["jwt_jwks_url"]
    own_jwt_key = None if has_provider else local.get("jwt_secret_key")
    sealing = env.str("CREDENTIALS_KEYS", local.get("credentials_keys", ""))
    return {
        "secret_keys": env.read_list("SECRET_KEYS")
        or _list_given(env.str("SECRET_KEY", local.get("secret_key"))),
        "jwt_secret_keys": env.read_list("JWT_SECRET_KEYS")
        or _list_given(env.str("JWT_SECRET_KEY", own_jwt_key)),
        "credentials_keys": env.parse(
            "CREDENTIALS_KEYS", sealing, parsers.parse_sealing_keys, "32-byte keys in base64"
        )
        if sealing
        else (),
        "operator_key": env.str("OPERATOR_KEY", local.get("operator_key")),
        "metrics_token": env.get_text("METRICS_TOKEN"),
    }


def read_stripe(env: Environment, values: dict[str, Any]) -> dict[str, Any]:
    """Return the platform's keys at Stripe and where it is; None: at Stripe's own address."""
    base, hooks = env.read_url("STRIPE_API_BASE"), env.read_list("STRIPE_WEBHOOK_SECRET")
    key = env.get_text("STRIPE_SECRET_KEY")
    if values["env"] != "production":
        key = key or SANDBOX_PLATFORM_KEY
        kept = _read_local(env, values).get("stripe_webhook_secret", "")
        hooks = hooks or tuple(part for part in kept.split(",") if part)
        if base is None and not _is_stripes(key):
            base = f"http://127.0.0.1:{values['sandbox_port']}"
    return {"stripe_secret_key": key, "stripe_webhook_secrets": hooks, "stripe_api_base": base}


def _read_local(env: Environment, values: dict[str, Any]) -> dict[str, str]:
    folder: Path = values["data_dir"]
    if values["env"] == "production":
        return {}
    try:
        return local_secrets.read(folder)
    except (OSError, ValueError):
        env.refuse("DATA_DIR", f"must be a folder that can be written: {folder}")
        return {}


def _list_given(key: str | None) -> tuple[str, ...]:
    return (key,) if key else ()


def _is_stripes(key: str) -> bool:
    """Stripe's keys are long or live; for the sandbox one takes whatever short one one likes."""
    return "_live_" in key or len(key) > 90
