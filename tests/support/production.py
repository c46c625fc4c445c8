"""The environment of a process that runs in production mode: everything that it demands."""

from __future__ import annotations

import secrets

from payments.kit import crypto


def production_environment(**variables: str) -> dict[str, str]:
    """Return a whole environment whose servers are somewhere else; `variables` replace its own.

    An empty variable counts as one that is not set.
    """
    return {
        "PAYMENTS_ENV": "production",
        "DATABASE_URL": "postgres://user:password@db.example/payments",
        "REDIS_URL": "rediss://:password@redis.example:6380/0",
        "PUBLIC_URL": "https://payments.example",
        "TRUSTED_PROXIES": "1",
        "EMAIL_VERIFICATION": "off",
        "SECRET_KEY": secrets.token_hex(32),
        "JWT_SECRET_KEY": secrets.token_hex(32),
        "CREDENTIALS_KEYS": crypto.new_key(),
        "OPERATOR_KEY": f"op_{secrets.token_urlsafe(32)}",
        "STRIPE_SECRET_KEY": f"sk_live_{secrets.token_hex(24)}",
        "STRIPE_WEBHOOK_SECRET": f"whsec_{secrets.token_hex(16)}",
        **variables,
    }


def production_on(environment: dict[str, str], **variables: str) -> dict[str, str]:
    """Return the environment of a run (its servers and the sandbox's address) in production mode.

    The run's Stripe key is a test key, so the switch lets its calls go to the sandbox.
    """
    return production_environment(
        **{**environment, "STRIPE_ALLOW_OTHER_API_BASE": "true", **variables}
    )
