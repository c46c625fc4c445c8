"""What Stripe's billing side answered, in our own frozen shapes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import stripe

# Any state of an object as Stripe's own JSON, just as it stands in an event's `data.object`: what
# reads events reads a fetched object too.
Plain = dict[str, Any]


@dataclass(frozen=True)
class Price:
    """A Price with its product's name. `trial_days` is what the price itself grants.

    A metered one is sold without a quantity: usage is billed.
    """

    id: str
    active: bool
    recurring: bool
    is_metered: bool
    trial_days: int | None
    product_name: str | None
    unit_amount: int | None
    currency: str


@dataclass(frozen=True)
class HostedPage:
    """A page of Stripe's to send somebody to; whoever has the address may use it."""

    id: str
    url: str = field(repr=False)
    expires_at: int | None = None


@dataclass(frozen=True)
class ClosedPage:
    """How a Checkout page stands once it was to be closed; `subscription` is what it made."""

    status: str
    subscription: str | None


def price(found: stripe.Price) -> Price:
    held = plain(found)
    recurring, product = held.get("recurring"), held.get("product")
    return Price(
        id=held["id"],
        active=bool(held["active"]),
        recurring=recurring is not None,
        is_metered=(recurring or {}).get("usage_type") == "metered",
        trial_days=(recurring or {}).get("trial_period_days"),
        product_name=product.get("name") if isinstance(product, dict) else None,
        unit_amount=held.get("unit_amount"),
        currency=held["currency"],
    )


def hosted_page(session: Any) -> HostedPage:
    expires_at = getattr(session, "expires_at", None)  # portal pages tell none
    return HostedPage(id=session.id, url=session.url or "", expires_at=expires_at)


def closed_page(session: stripe.checkout.Session) -> ClosedPage:
    held = plain(session)
    return ClosedPage(held["status"], reference(held.get("subscription")))


def plain(found: Any) -> Plain:
    """Turn an SDK object into plain JSON values (exact decimals become strings)."""
    return dict(found.to_dict(for_json=True))


def reference(value: Any) -> str | None:
    """Return the id of a reference, whether it is expanded or not; None for what names nothing."""
    named = value.get("id") if isinstance(value, dict) else value
    return named if isinstance(named, str) else None
