"""Stripe clients: one per credential over one connection pool, never a global key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

import stripe

from payments.gateway import operations, traffic
from payments.gateway.answers import note_answer
from payments.gateway.call_log import log_call
from payments.gateway.errors import BadCredentials
from payments.gateway.waits import interruptible_wait
from payments.kit.storable import clean_json

CONNECT_SECONDS, READ_SECONDS = 2, 10
# What the SDK itself waits for an answer. A worker that moves money gives Stripe this long: giving
# up earlier only turns an answer into an unknown outcome.
# https://github.com/stripe/stripe-python#configuring-a-client
WORKER_READ_SECONDS = 80

_read_seconds: ContextVar[int] = ContextVar("read_seconds", default=READ_SECONDS)


@contextmanager
def wait_as_worker() -> Iterator[None]:
    """Let the block's calls wait up to `WORKER_READ_SECONDS` for each answer."""
    former = _read_seconds.set(WORKER_READ_SECONDS)
    try:
        yield
    finally:
        _read_seconds.reset(former)


class _Connections(stripe.RequestsClient):
    """The pool of connections; every call waits for its turn before it leaves."""

    def request(  # type: ignore[override]  # as RequestsClient has it
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        key = (headers or {}).get("Authorization", "").removeprefix("Bearer ")
        operation = operations.name_operation(method, url)
        traffic.enter(key, operation)
        with interruptible_wait(), log_call(operation) as call:
            body, status, answered = super().request(method, url, headers, post_data)
            call.note_answer(status, answered)
        note_answer(answered)
        return _clean(body), status, answered


def _clean(body: bytes) -> bytes:
    """Take out of an answer what no database can keep; bytes that are no text stay as they are."""
    try:
        return clean_json(body.decode()).encode() if b"\\u" in body else body
    except UnicodeDecodeError:
        return body


@cache
def _connections(read_seconds: int = READ_SECONDS) -> stripe.RequestsClient:
    """Return the process's connection pool for calls that wait this long for an answer."""
    return _Connections(timeout=(CONNECT_SECONDS, read_seconds))


def client(secret_key: str | None, api_base: str | None) -> stripe.StripeClient:
    """Return a client for one account; BadCredentials when there is no key at all.

    The SDK does not retry by itself: rows with a due time do, and they survive us.
    """
    if not secret_key:
        raise BadCredentials("no Stripe key is set", code="missing_key")
    return stripe.StripeClient(
        secret_key,
        http_client=_connections(_read_seconds.get()),
        max_network_retries=0,
        base_addresses={"api": api_base} if api_base else {},
    )
