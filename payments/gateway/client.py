"""Stripe clients: one per credential over one connection pool, never a global key."""

from __future__ import annotations

from functools import cache

import stripe

from payments.gateway.errors import BadCredentials
from payments.gateway.traffic import CountingClient

CONNECT_SECONDS, READ_SECONDS = 2, 10


@cache
def _connections() -> stripe.RequestsClient:
    """Return the process's connection pool. The SDK's own default would wait 80 s."""
    return CountingClient(timeout=(CONNECT_SECONDS, READ_SECONDS))


def client(secret_key: str | None, api_base: str | None) -> stripe.StripeClient:
    """Return a client for one account; BadCredentials when there is no key at all.

    The SDK does not retry by itself: rows with a due time do, and they survive us.
    """
    if not secret_key:
        raise BadCredentials("no Stripe key is set", code="missing_key")
    return stripe.StripeClient(
        secret_key,
        http_client=_connections(),
        max_network_retries=0,
        base_addresses={"api": api_base} if api_base else {},
    )
