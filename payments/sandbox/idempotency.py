"""The same key gets the same answer; https://docs.stripe.com/api/idempotent_requests."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from .errors import ApiError, invalid
from .messages import Json
from .store import Store, canonical

LIFETIME = 24 * 3600
LONGEST = 255


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    request_id: str


@dataclass(frozen=True)
class KeyedRequest:
    """What the requests with one key have to agree on, and when the first one was answered."""

    endpoint: str
    fingerprint: str
    at: int


class Idempotency:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._in_use: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    @contextmanager
    def hold(self, scope: str, key: str | None) -> Iterator[None]:
        """Keep a key to one request at a time."""
        if key is None:
            yield
            return
        self._take(scope, key)
        try:
            yield
        finally:
            with self._lock:
                self._in_use.discard((scope, key))

    def _take(self, scope: str, key: str) -> None:
        if len(key) > LONGEST:
            raise invalid(f"Idempotency keys are at most {LONGEST} characters long.")
        with self._lock:
            if (scope, key) in self._in_use:
                raise key_in_use(key)
            self._in_use.add((scope, key))

    def find(self, scope: str, key: str, endpoint: str, params: Json) -> Answer | None:
        """Inside a transaction: the stored answer, after checking that it is the same request."""
        now = self._store.clocks.now(scope)
        row = self._store.connection.execute(
            "SELECT endpoint, fingerprint, status, body, request_id FROM idempotency"
            " WHERE scope = ? AND key = ? AND created > ?",
            (scope, key, now - LIFETIME),
        ).fetchone()
        if row is None:
            return None
        first_endpoint, first_fingerprint, status, body, request_id = row
        if first_endpoint != endpoint:
            raise _other_endpoint(key, first_endpoint, endpoint)
        if first_fingerprint != fingerprint(params):
            raise _other_params(key)
        return Answer(status, body, request_id)

    def save(self, scope: str, key: str, request: KeyedRequest, answer: Answer) -> None:
        """Keep the answer for 24 hours of the account's clock, counted from `request.at`."""
        self._store.connection.execute(
            "INSERT OR REPLACE INTO idempotency"
            " (scope, key, endpoint, fingerprint, status, body, request_id, created)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                scope,
                key,
                request.endpoint,
                request.fingerprint,
                answer.status,
                answer.body,
                answer.request_id,
                request.at,
            ),
        )


def fingerprint(params: Json) -> str:
    return hashlib.sha256(canonical(params).encode()).hexdigest()


def key_in_use(key: str) -> ApiError:
    return ApiError(
        409,
        "There is currently another in-progress request using this Idempotent Key (that probably"
        " means you submitted twice, and the other request is still going through):"
        f" {key}. Please try again later.",
        kind="idempotency_error",
        code="idempotency_key_in_use",
    )


def _other_params(key: str) -> ApiError:
    return ApiError(
        400,
        "Keys for idempotent requests can only be used with the same parameters they were first"
        f" used with. Try using a key other than '{key}' if you meant to execute a different"
        " request.",
        kind="idempotency_error",
    )


def _other_endpoint(key: str, first: str, now: str) -> ApiError:
    return ApiError(
        400,
        "Keys for idempotent requests can only be used for the same endpoint they were first used"
        f" for ('{first}' vs '{now}'). Try using a key other than '{key}' if you meant to execute"
        " a different request.",
        kind="idempotency_error",
    )
