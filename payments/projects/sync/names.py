"""Finds what plans and add-ons are called, and remembers products' names for a while.

A name is for show only: where it cannot be had, the record is written without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from payments.gateway.billing import Billing
from payments.gateway.errors import BadCredentials, OutcomeUnknown, Rejected
from payments.kit import clock
from payments.projects.models import Subscription
from payments.projects.sync.account import Account
from payments.projects.sync.items import Item

KEPT_FOR = timedelta(minutes=10)
_MOST = 10_000

_held: dict[tuple[Account, str], tuple[str | None, datetime]] = {}

# The names that a row has, by price.
Names = Mapping[str | None, str | None]


def find(account: Account, product: str) -> tuple[str | None, bool]:
    """Return a product's name, and whether it is known at all."""
    name, until = _held.get((account, product), (None, None))
    return (name, True) if until is not None and until > clock.now() else (None, False)


def keep(account: Account, product: str, name: str | None) -> None:
    """Remember a product's name."""
    if len(_held) >= _MOST:
        _held.clear()
    _held[account, product] = (name, clock.now() + KEPT_FOR)


def names_of(row: Subscription | None) -> dict[str | None, str | None]:
    """Return the names that a row already has, by price."""
    if row is None:
        return {}
    add_ons = {each["price_id"]: each["plan_name"] for each in row.add_ons}
    return {**add_ons, row.price_id: row.plan_name}


def known_name(account: Account, item: Item, held: Names) -> tuple[str | None, bool]:
    """Return what an item is called without asking Stripe, and whether that is known."""
    if item.nickname or item.product is None:
        return item.nickname, True
    if held.get(item.price):
        return held[item.price], True
    return find(account, item.product)


def ask_name(billing: Billing, account: Account, item: Item, held: Names) -> str | None:
    """Return what an item is called: by its price's nickname, else by its product.

    The name that is held stays where the product was deleted, where the key may not read
    products, and where Stripe gives no answer.
    """
    if item.nickname or item.product is None:
        return item.nickname
    name, known = find(account, item.product)
    if not known:
        name = _fetch_name(billing, account, item.product)
    return name or held.get(item.price)


def _fetch_name(billing: Billing, account: Account, product: str) -> str | None:
    try:
        name = billing.get_product_name(product)
    except (BadCredentials, OutcomeUnknown):
        return None
    except Rejected:
        name = None
    keep(account, product, name)
    return name
