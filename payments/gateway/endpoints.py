"""Registers our webhook address at a Stripe account."""

from __future__ import annotations

from typing import Any

from payments.extensions import settings
from payments.gateway.client import client
from payments.gateway.errors import translated


def ensure_webhook_endpoint(
    url: str, events: list[str], *, secret_key: str | None = None
) -> str | None:
    """Register `url` at the account of the key, else the platform's; return its signing secret
    when it is new. One that stands already is subscribed to the same events.

    Stripe tells the secret only at creation: None means that the endpoint stood already.
    https://docs.stripe.com/api/webhook_endpoints/create
    """
    endpoints = _endpoints(secret_key)
    with translated():
        for standing in endpoints.list({"limit": 100}).auto_paging_iter():
            if standing.url == url:
                _subscribe(endpoints, standing, events)
                return None
        params: Any = {"url": url, "enabled_events": events}
        secret: str | None = endpoints.create(params).secret
        return secret


def remove_webhook_endpoint(url: str, *, secret_key: str | None = None) -> None:
    """Take the address off the account: its secret was lost, a new one is needed."""
    endpoints = _endpoints(secret_key)
    with translated():
        for standing in endpoints.list({"limit": 100}).auto_paging_iter():
            if standing.url == url:
                endpoints.delete(standing.id)


def _subscribe(endpoints: Any, standing: Any, events: list[str]) -> None:
    """Have an endpoint of an earlier release told of the types that came since.

    https://docs.stripe.com/api/webhook_endpoints/update
    """
    if set(standing.enabled_events) != set(events):
        endpoints.update(standing.id, {"enabled_events": events})


def _endpoints(secret_key: str | None) -> Any:
    held = settings()
    return client(secret_key or held.stripe_secret_key, held.stripe_api_base).v1.webhook_endpoints
