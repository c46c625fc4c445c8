"""The service's processes, each started again when it dies, as a platform's dyno manager does."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from redis import Redis

from tests.support.processes import Group, procfile


class Crew:
    """Web, two workers and two beats; whoever is found dead is started anew."""

    def __init__(self, environment: dict[str, str], port: int) -> None:
        self.environment = {**environment, "PORT": str(port), "WEB_CONCURRENCY": "2"}
        self.restarts: Counter[str] = Counter()
        self._watch = threading.Event()
        self._lock = threading.Lock()
        self._groups = {name: self._started(name) for name in ("web", "worker-1", "worker-2")}
        self._groups |= {name: self._started(name) for name in ("beat-1", "beat-2")}
        self._thread = threading.Thread(target=self._supervise, daemon=True)
        self._thread.start()

    def _started(self, name: str) -> Group:
        kind = name.partition("-")[0]
        command = procfile(kind, self.environment)
        if kind == "worker":
            command += ["--concurrency", "2"]
        if kind == "beat":  # each its own memory, as two dynos have
            command += ["--schedule", str(Path(self.environment["DATA_DIR"]) / name)]
        return Group(name, command, self.environment)

    def _supervise(self) -> None:
        while not self._watch.wait(0.5):
            with self._lock:
                for name, group in self._groups.items():
                    if not group.running:
                        group.kill()  # what is left of its children
                        self.restarts[name] += 1
                        self._groups[name] = self._started(name)

    def victims(self) -> list[tuple[str, int]]:
        """Return every living process of the crew with its part's name."""
        with self._lock:
            return [
                (name, pid)
                for name, group in self._groups.items()
                if group.running
                for pid in family(group.pid)
            ]

    def stop(self) -> None:
        """End the watch, then everybody."""
        self._watch.set()
        self._thread.join()
        for group in self._groups.values():
            group.kill()


def family(pid: int) -> list[int]:
    """Return a process and all its descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with suppress(OSError, IndexError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found, waiting = [], [pid]
    while waiting:
        found.append(waiting.pop())
        waiting += children.get(found[-1], [])
    return found


class Chaos:
    """Kills a random process every so often, and flushes Redis twice on the way."""

    def __init__(self, crew: Crew, redis: Redis, *, seconds: float, every: float = 10) -> None:
        self.kills: Counter[str] = Counter()
        self.flushes = 0
        self._crew, self._redis, self._every = crew, redis, every
        began = time.monotonic()
        self._flush_at = [began + seconds / 3, began + seconds * 2 / 3]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._rage, daemon=True)
        self._thread.start()

    def _rage(self) -> None:
        while not self._over.wait(self._every):
            _attempt(self._kill)
            if self._flush_at and time.monotonic() >= self._flush_at[0]:
                self._flush_at.pop(0)
                self._redis.flushdb()
                self.flushes += 1

    def _kill(self) -> None:
        # A part first, then one of its processes: else the many children would hide the others.
        victims = self._crew.victims()
        part = random.choice(sorted({name for name, _ in victims}))
        pid = random.choice([pid for name, pid in victims if name == part])
        os.kill(pid, signal.SIGKILL)
        self.kills[part] += 1

    def stop(self) -> None:
        """Let it be."""
        self._over.set()
        self._thread.join()


def _attempt(act: Callable[[], None]) -> None:
    """Do it unless the victim died by itself a moment before."""
    with suppress(ProcessLookupError, IndexError):
        act()
