"""Registers our webhook address at a Stripe account."""

from __future__ import annotations

from typing import Any

from payments.extensions import settings
from payments.gateway.client import client
from payments.gateway.errors import translated


def ensure_webhook_endpoint(url: str, events: list[str]) -> str | None:
    """Register `url` at the platform's account; return its signing secret when it is new.

    Stripe tells the secret only at creation: None means that the endpoint stood already.
    https://docs.stripe.com/api/webhook_endpoints/create
    """
    held = settings()
    endpoints = client(held.stripe_secret_key, held.stripe_api_base).v1.webhook_endpoints
    with translated():
        if any(
            standing.url == url for standing in endpoints.list({"limit": 100}).auto_paging_iter()
        ):
            return None
        params: Any = {"url": url, "enabled_events": events}
        return endpoints.create(params).secret


def remove_webhook_endpoint(url: str) -> None:
    """Take the address off the account: its secret was lost, a new one is needed."""
    held = settings()
    endpoints = client(held.stripe_secret_key, held.stripe_api_base).v1.webhook_endpoints
    with translated():
        for standing in endpoints.list({"limit": 100}).auto_paging_iter():
            if standing.url == url:
                endpoints.delete(standing.id)
