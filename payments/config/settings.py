"""What the environment decides, as one frozen value."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from payments.kit.postgres import DatabaseBounds


@dataclass(frozen=True)
class Settings:
    """Everything the environment decides. Secrets stay out of the repr."""

    env: str
    database_url: str = field(repr=False)
    database_bounds: DatabaseBounds
    redis_url: str = field(repr=False)
    redis_tls_verify: bool | str
    data_dir: Path
    # Of each list the first signs and all verify: that is how a secret is rotated.
    secret_keys: tuple[str, ...] = field(repr=False)
    jwt_secret_keys: tuple[str, ...] = field(repr=False)
    jwt_public_key: str | None
    jwt_jwks_url: str | None
    jwt_issuer: str | None
    jwt_audience: str | None
    password_hashing_slots: int
    session_lifetime_days: int
    credentials_keys: tuple[bytes, ...] = field(repr=False)
    key_destruction_days: int
    stripe_secret_key: str | None = field(repr=False)
    stripe_webhook_secrets: tuple[str, ...] = field(repr=False)
    stripe_api_base: str | None
    stripe_rate_limit_live: int
    stripe_rate_limit_test: int
    stripe_rate_limit_operation: int
    event_retention_days: int
    timeline_retention_days: int
    session_retention_days: int
    event_quota_mb: int
    public_url: str
    frontend_url: str
    smtp_host: str | None
    smtp_port: int
    smtp_username: str | None
    smtp_password: str | None = field(repr=False)
    smtp_security: str
    mail_from: str | None
    email_verification: bool
    admin_second_factor: bool
    admin_acr_values: tuple[str, ...]
    invoice_bucket: str | None
    aws_region: str | None
    aws_endpoint_url: str | None
    charge_wait_seconds: float
    web_threads: int
    maintenance_mode: bool
    operator_key: str | None = field(repr=False)
    metrics_token: str | None = field(repr=False)
    api_docs: bool
    access_log: bool
    invoice_timezone: str
    seller_name: str
    seller_address: tuple[str, ...]
    rate_limit: str
    trusted_proxies: int
    log_level: str
    port: int
    sandbox_port: int

    @property
    def production(self) -> bool:
        return self.env == "production"

    @property
    def secret_key(self) -> str:
        """The key that signs links and names of requests."""
        return self.secret_keys[0]

    @property
    def jwt_secret_key(self) -> str | None:
        """The key that signs tokens; None where an identity provider alone does."""
        return self.jwt_secret_keys[0] if self.jwt_secret_keys else None

    @property
    def stripe_mode(self) -> str:
        """The mode of the platform's own Stripe key."""
        return "live" if "_live_" in (self.stripe_secret_key or "") else "test"

    @property
    def sandbox_url(self) -> str:
        return f"http://127.0.0.1:{self.sandbox_port}"
