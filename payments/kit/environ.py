"""Reads the environment variable by variable and tells all faults at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

T = TypeVar("T")


class ConfigError(RuntimeError):
    """The environment is wrong; the text names every variable at fault and says why."""


class Reader:
    """Reads variables one by one and remembers every fault, so that all are told at once."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.faults: list[str] = []

    def text(self, name: str, default: str | None = None) -> str | None:
        return self.environ.get(name, "").strip() or default

    def parsed(self, name: str, default: str, parse: Callable[[str], T], what: str) -> T | None:
        raw = self.text(name, default) or default
        try:
            return parse(raw)
        except (ValueError, KeyError, TypeError, OSError):
            self.faults.append(f"{name} must be {what}")
            return None

    def fault(self, name: str, why: str) -> None:
        self.faults.append(f"{name} {why}")
