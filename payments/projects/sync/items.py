"""Tells a subscription's plan from its add-ons: Stripe keeps both as items of one list.

https://docs.stripe.com/billing/subscriptions/multiple-products
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from payments.kit.storable import MOST_TEXT, storable

Plain = dict[str, Any]

METERED = "metered"


@dataclass(frozen=True)
class Item:
    """One item: its price, how often it is held, and its period in seconds since 1970.

    `quantity` is None where Stripe keeps none: usage decides what a metered price costs. `name` is
    what it is called, once that was found out.
    """

    id: str | None
    price: str | None
    nickname: str | None
    product: str | None
    quantity: int | None
    is_metered: bool
    is_on_trial: bool
    period_start: int | None
    period_end: int | None
    created: int
    name: str | None = None

    @property
    def shown_quantity(self) -> int:
        """Return the quantity as the API shows it: a metered price is held once."""
        return 1 if self.quantity is None else self.quantity


# Finds what an item is called.
Namer = Callable[[Item], str | None]


def read_items(found: Plain) -> tuple[Item, ...]:
    """Read the items of a subscription; there is always one, empty where Stripe tells none.

    A subscription of the time before items has its plan and quantity to itself.
    """
    listed = (found.get("items") or {}).get("data") or [{"plan": found.get("plan")}]
    if len(listed) == 1 and listed[0].get("quantity") is None:
        listed = [{**listed[0], "quantity": found.get("quantity")}]
    return tuple(_read_item(item) for item in listed)


@storable(
    counts=("quantity",),
    moments=("period_start", "period_end", "created"),
    cut={"nickname": MOST_TEXT},
)
def _read_item(item: Plain) -> Item:
    price = item.get("price") or item.get("plan") or {}
    if not isinstance(price, dict):
        price = {"id": price}
    product, recurring = price.get("product"), price.get("recurring") or price
    return Item(
        id=item.get("id"),
        price=price.get("id"),
        nickname=price.get("nickname"),
        product=product.get("id") if isinstance(product, dict) else product,
        quantity=item.get("quantity"),
        is_metered=recurring.get("usage_type") == METERED,
        is_on_trial=bool(item.get("current_trial")),
        period_start=item.get("current_period_start"),
        period_end=item.get("current_period_end"),
        created=item.get("created") or 0,
    )


def find_by_price(items: tuple[Item, ...], price: str | None) -> Item | None:
    """Return the item of a price; None when no item has it."""
    return next((item for item in items if price and item.price == price), None)


def guess_plan(items: tuple[Item, ...]) -> Item:
    """Return the oldest item with a quantity, else the oldest: a plan is there before its add-ons,
    and usage is mostly sold beside it."""
    return min(items, key=lambda item: (item.is_metered, item.created))
