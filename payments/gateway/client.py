"""Stripe clients: one per credential over one connection pool, never a global key."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import stripe

from payments.gateway import traffic
from payments.gateway.errors import BadCredentials

CONNECT_SECONDS, READ_SECONDS = 2, 10


class _Connections(stripe.RequestsClient):
    """The pool of connections; every call waits for its turn before it leaves."""

    def request(  # type: ignore[override]  # as RequestsClient has it
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        traffic.enter((headers or {}).get("Authorization", "").removeprefix("Bearer "))
        return super().request(method, url, headers, post_data)


@cache
def _connections() -> stripe.RequestsClient:
    """Return the process's connection pool. The SDK's own default would wait 80 s."""
    return _Connections(timeout=(CONNECT_SECONDS, READ_SECONDS))


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
