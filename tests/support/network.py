"""Keeps the tests on this machine: a connection to anywhere else fails the test that makes it."""

from __future__ import annotations

import sys
from typing import Any

_LOOPBACK = ("127.", "::1", "localhost")


def forbid_foreign_hosts() -> None:
    """Refuse every socket that this process connects beyond the loopback, from now on."""
    sys.addaudithook(_check)


def _check(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect" and _is_foreign(arguments[1]):
        raise AssertionError(f"a test may not connect to {arguments[1]}")


def _is_foreign(address: Any) -> bool:
    return isinstance(address, tuple) and not str(address[0]).startswith(_LOOPBACK)
