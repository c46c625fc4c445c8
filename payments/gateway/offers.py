"""Puts a price on an account's shelf, once: for demonstrations and tests of a fresh account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from payments.extensions import settings
from payments.gateway.client import client
from payments.gateway.errors import translated


@dataclass(frozen=True)
class Offer:
    """A product and its price; `amount` in minor units, no `interval` for a one-time price."""

    lookup_key: str
    product: str
    amount: int
    currency: str
    interval: str | None = None


def ensure_price(secret_key: str, offer: Offer) -> str:
    """Return the id of the account's price of that lookup key, made if it is not there.

    https://docs.stripe.com/products-prices/manage-prices#lookup-keys
    """
    account = client(secret_key, settings().stripe_api_base).v1
    params: Any = {
        "currency": offer.currency,
        "unit_amount": offer.amount,
        "lookup_key": offer.lookup_key,
        "product_data": {"name": offer.product},
    }
    if offer.interval is not None:
        params["recurring"] = {"interval": offer.interval}
    with translated():
        standing = account.prices.list({"lookup_keys": [offer.lookup_key]}).data
        return standing[0].id if standing else account.prices.create(params).id
