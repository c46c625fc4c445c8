"""A provider's key set over HTTP: kept for a while, asked again for a key that is new, and kept on
when the provider is down."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime, timedelta
from threading import Lock

import requests

from payments.auth.errors import ProviderUnreachable
from payments.kit import clock
from payments.kit.public_keys import PublicKey, from_set

log = logging.getLogger(__name__)

KEPT_FOR = timedelta(minutes=10)
# A token may name any key: so often at most the provider is asked for one that we do not know.
ASKED_EVERY = timedelta(seconds=10)
CONNECT_SECONDS, READ_SECONDS, DEADLINE_SECONDS = 2, 2, 5
LARGEST = 256 * 1024


class KeySet:
    """The keys of one address, shared by the threads of a process."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._keys: list[PublicKey] = []
        self._stale_at = self._ask_at = datetime.min.replace(tzinfo=UTC)
        self._lock = Lock()

    def find(self, kid: object) -> PublicKey | None:
        """Return the key of that name; ProviderUnreachable while no set was ever read."""
        if self._picked(kid) is None or clock.now() >= self._stale_at:
            self._refresh(kid)
        if not self._keys:
            raise ProviderUnreachable
        return self._picked(kid)

    def _picked(self, kid: object) -> PublicKey | None:
        """Look the name up and do nothing else with it; without one, the only key is meant."""
        keys = self._keys
        if kid is None:
            return keys[0] if len(keys) == 1 else None
        return next((key for key in keys if key.kid == kid), None)

    def _refresh(self, kid: object) -> None:
        """Read the set again; whoever has a key to go on with does not wait for another thread."""
        if not self._lock.acquire(blocking=self._picked(kid) is None):
            return
        try:
            if clock.now() >= self._ask_at:
                self._ask_at = clock.now() + ASKED_EVERY
                self._keys = _fetched(self._url)
                self._stale_at = clock.now() + KEPT_FOR
        except (requests.RequestException, ValueError, RecursionError) as error:
            log.error("the identity provider gave no keys: %s", type(error).__name__)
        finally:
            self._lock.release()


def _fetched(url: str) -> list[PublicKey]:
    keys = from_set(json.loads(_body(url)))
    if not keys:
        raise ValueError("no key that can be used")
    return keys


def _body(url: str) -> bytes:
    """Get the document: no detours, no more than LARGEST, and not drop by drop for ever."""
    deadline = clock.monotonic() + DEADLINE_SECONDS
    wait, body = (CONNECT_SECONDS, READ_SECONDS), b""
    with requests.get(url, timeout=wait, allow_redirects=False, stream=True) as answer:
        if answer.status_code != 200:
            raise ValueError("not a 200")
        for part in answer.iter_content(4096):
            body += part
            if len(body) > LARGEST or clock.monotonic() > deadline:
                raise ValueError("too long")
    return body
