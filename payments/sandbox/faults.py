"""Failures on demand: which request fails next, and how."""

from __future__ import annotations

import threading
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from itertools import count

from .messages import Json

ACTIONS = ("drop_before", "drop_after", "delay", "late", "status", "stored_500", "error")
STANDARD_ERRORS: dict[int, Json] = {
    429: {
        "code": "rate_limit",
        "message": "Request rate limit exceeded. Learn more about rate limits here"
        " https://stripe.com/docs/rate-limits.",
        "type": "invalid_request_error",
    },
}
SERVER_ERROR: Json = {
    "message": "An unknown error occurred while processing your request.",
    "type": "api_error",
}


@dataclass
class Fault:
    action: str
    method: str = "*"
    path: str = "*"  # exact, or a glob such as /v1/payment_intents*
    times: int = 1
    ms: int = 0
    when: str = "before"  # for delay: before or after the effect
    status: int = 500
    error: Json = field(default_factory=dict)
    effect: bool = False  # for late, stored_500 and error: whether the call is carried out
    stored: bool = False  # for late and error: whether the answer is kept under the key
    seconds: float = 0  # for late: until the request completes, on the account's clock
    effect_after_seconds: float | None = None  # for stored_500 and error: the effect comes later
    answers_error: bool = False  # whether the fault's error is the answer, not the call's own
    headers: dict[str, str] = field(default_factory=dict)
    id: int = 0

    def hits(self, method: str, path: str) -> bool:
        return fnmatchcase(method, self.method.upper()) and fnmatchcase(path, self.path)

    @property
    def takes_effect_now(self) -> bool:
        return self.effect and self.effect_after_seconds is None

    def body(self) -> Json:
        standard = STANDARD_ERRORS.get(self.status, SERVER_ERROR)
        return {"error": {**(self.error or standard)}}


class Faults:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ids = count(1)
        self._by_scope: defaultdict[str, list[Fault]] = defaultdict(list)

    def add(self, scope: str, fault: Fault) -> Fault:
        with self._lock:
            fault.id = next(self._ids)
            self._by_scope[scope].append(fault)
        return fault

    def take(self, scope: str, method: str, path: str) -> Fault | None:
        """The oldest fault that fits, used up by one."""
        with self._lock:
            waiting = self._by_scope[scope]
            fault = next((each for each in waiting if each.hits(method, path)), None)
            if fault is not None:
                fault.times -= 1
                self._by_scope[scope] = [each for each in waiting if each.times > 0]
        return fault

    def list(self, scope: str) -> list[Json]:
        with self._lock:
            return [asdict(fault) for fault in self._by_scope[scope]]

    def clear(self, scope: str) -> None:
        with self._lock:
            self._by_scope.pop(scope, None)
