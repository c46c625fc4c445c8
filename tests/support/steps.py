"""Processes that die at named steps, and who was being served when they did."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.shop import eventually

HOOK = Path(__file__).parent / "crash"
# Imported before the fork, so that the next process is there at once when one has died.
READY = ("--include", "payments.app")
AT_ONCE = {"GUNICORN_CMD_ARGS": "--preload"}


@dataclass(frozen=True)
class Doom:
    """Arms the processes that get its environment; tells which steps have ended one of them."""

    folder: Path
    at: tuple[str, ...] = ("all",)
    how: str = "kill"

    def environment(self, environment: dict[str, str]) -> dict[str, str]:
        """Return the variables of a process that is to die at its steps, once at each."""
        return {
            **environment,
            "PYTHONPATH": str(HOOK),
            "CRASH_AT": ",".join(self.at),
            "CRASH_DIR": str(self.folder),
            "CRASH_HOW": self.how,
        }

    @property
    def met(self) -> set[str]:
        """Return the steps at which a process has ended."""
        return {p.name for p in self.folder.iterdir() if p.stat().st_size}

    def errand(self, step: str) -> dict[str, Any]:
        """Return what the process that met its step was doing: its task's name and ids."""
        return dict(json.loads((self.folder / step).read_text()))

    def wait(self, steps: Iterable[str], *, seconds: float = 30) -> None:
        """Wait until each of the steps has ended a process."""
        wanted = set(steps)
        eventually(lambda: wanted <= self.met, seconds=seconds)


def of_the_web() -> set[str]:
    """Return the steps that a web process passes, before any worker hears of the work."""
    reserving = {f"{kind}.{what}" for kind in ("charge", "refund") for what in _RESERVING}
    return reserving | {"customer.created", "event.stored", "event.woken"}


_RESERVING = ("reserved", "committed", "enqueued")
