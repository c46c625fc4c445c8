"""Which requests an account made, for tests and for a person who wonders what happened."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from fnmatch import fnmatchcase
from typing import Any

from .messages import Json

KEPT = 10_000
SECRET_NAMES = frozenset({"client_secret", "cvc", "key", "secret"})


class RequestLog:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_scope: defaultdict[str, deque[Json]] = defaultdict(lambda: deque(maxlen=KEPT))

    def add(self, scope: str, entry: Json) -> None:
        entry["params"] = mask(entry["params"])
        with self._lock:
            self._by_scope[scope].append(entry)

    def list(self, scope: str, method: str = "*", path: str = "*") -> list[Json]:
        """Oldest first."""
        with self._lock:
            entries = list(self._by_scope[scope])
        return [
            entry
            for entry in entries
            if fnmatchcase(entry["method"], method.upper()) and fnmatchcase(entry["path"], path)
        ]

    def clear(self, scope: str) -> None:
        with self._lock:
            self._by_scope.pop(scope, None)


def mask(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: mask(item, key) for key, item in value.items()}
    if name in SECRET_NAMES:
        return "****"
    if name == "number":
        return f"****{str(value)[-4:]}"
    return value
