"""Reads how mail is sent, and the settings that depend on whether it is."""

from __future__ import annotations

from typing import Any

from payments.kit import parse
from payments.kit.environ import Reader


def read_mail_settings(
    reader: Reader, public_url: str | None, *, production: bool
) -> dict[str, Any]:
    """Read how mail is sent, and what depends on it; production says so where there is none."""
    host, what = reader.text("SMTP_HOST"), "on or off"
    unsaid = "on" if host else "" if production else "off"
    held = {
        "smtp_host": host,
        "smtp_port": reader.parsed("SMTP_PORT", "587", parse.port, "a port number"),
        "smtp_username": reader.text("SMTP_USERNAME"),
        "smtp_password": reader.text("SMTP_PASSWORD"),
        "smtp_security": reader.parsed("SMTP_SECURITY", "starttls", parse.smtp, "starttls or tls"),
        "mail_from": reader.text("MAIL_FROM"),
        "email_verification": reader.parsed("EMAIL_VERIFICATION", unsaid, parse.switch, what),
        "frontend_url": reader.parsed("FRONTEND_URL", public_url or "", parse.url, "an address"),
        "admin_second_factor": reader.parsed(
            "ADMIN_SECOND_FACTOR", "on" if production else "off", parse.switch, what
        ),
        "admin_acr_values": tuple((reader.text("ADMIN_ACR_VALUES") or "").split()),
    }
    if host and not held["mail_from"]:
        reader.fault("MAIL_FROM", "must be set beside SMTP_HOST")
    if production and held["email_verification"] and not host:
        reader.fault("EMAIL_VERIFICATION", "must be off without SMTP_HOST")
    return held
