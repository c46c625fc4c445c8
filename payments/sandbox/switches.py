"""What a test wants done to the webhooks of one account: held, lost, doubled, turned round."""

import threading
from collections import defaultdict
from dataclasses import asdict, dataclass

from .messages import Json


@dataclass
class Switch:
    pause: bool = False
    reverse: bool = False
    drop: int = 0
    duplicate: int = 0


class Switches:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_scope: defaultdict[str, Switch] = defaultdict(Switch)

    def of(self, scope: str) -> Switch:
        with self._lock:
            return self._by_scope[scope]

    def show(self, scope: str) -> Json:
        return asdict(self.of(scope))

    def set(self, scope: str, changes: Json) -> None:
        switch = self.of(scope)
        for name, value in changes.items():
            setattr(switch, name, value)

    def take(self, scope: str, name: str) -> bool:
        """Use up one of the deliveries to drop or to duplicate, when any are left."""
        switch = self.of(scope)
        with self._lock:
            left: int = getattr(switch, name)
            setattr(switch, name, max(left - 1, 0))
        return left > 0

    def clear(self, scope: str) -> None:
        with self._lock:
            self._by_scope.pop(scope, None)
