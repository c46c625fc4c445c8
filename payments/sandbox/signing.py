"""Stripe's signature over a webhook body; https://docs.stripe.com/webhooks#verify-manually."""

import hashlib
import hmac


def signature(secret: str, timestamp: int, body: bytes) -> str:
    signed = f"{timestamp}.".encode() + body
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"
