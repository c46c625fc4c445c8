"""Remembers for a while what products are called: events tell their ids only."""

from __future__ import annotations

from datetime import datetime, timedelta

from payments.kit import clock
from payments.projects.sync.account import Account

KEPT_FOR = timedelta(minutes=10)
_MOST = 10_000

_held: dict[tuple[Account, str], tuple[str | None, datetime]] = {}


def find(account: Account, product: str) -> tuple[str | None, bool]:
    """Return a product's name, and whether it is known at all."""
    name, until = _held.get((account, product), (None, None))
    return (name, True) if until is not None and until > clock.now() else (None, False)


def keep(account: Account, product: str, name: str | None) -> None:
    """Remember a product's name."""
    if len(_held) >= _MOST:
        _held.clear()
    _held[account, product] = (name, clock.now() + KEPT_FOR)
