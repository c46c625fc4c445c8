"""The items of a subscription; https://docs.stripe.com/api/subscription_items."""

from ..call import Call
from ..errors import invalid
from ..ids import new_id
from ..listing import list_of
from ..messages import Json
from ..params import merge_metadata
from . import discounts, price_amounts, prices

MOST_ITEMS = 20


def resolve(call: Call, entry: Json, param: str) -> Json:
    """The price that an entry names or describes."""
    if "known" in entry:  # checked before, when the Checkout session was made
        return dict(entry["known"])
    if entry.get("price_data"):
        return prices.make(call, entry["price_data"], inline=True).data
    given = entry.get("price") or entry.get("plan")
    if not given:
        raise invalid(f"Missing required param: {param}[price].", "parameter_missing", param)
    price = call.reference("price", given, f"{param}[price]").data
    if not price["active"]:
        raise invalid(
            "The price specified is inactive. This field only accepts active prices.",
            param=f"{param}[price]",
        )
    return price


def recurring(call: Call, entry: Json, param: str) -> Json:
    price = resolve(call, entry, param)
    if price["recurring"] is None:
        raise invalid(
            f"The price specified is set to `type=one_time` but this field only accepts prices"
            f" with `type=recurring`: {price['id']}",
            param=f"{param}[price]",
        )
    return price


def new(
    call: Call, subscription_id: str, entry: Json, param: str, customer_id: str | None = None
) -> Json:
    price = recurring(call, entry, param)
    item_id = new_id("si")
    owner = {"subscription": subscription_id, "subscription_item": item_id}
    body: Json = {
        "id": item_id,
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": call.now,
        "current_trial": None,
        "current_period_end": 0,
        "current_period_start": 0,
        "discounts": discounts.make_discounts(
            call, entry.get("discounts") or [], customer_id, f"{param}[discounts]", **owner
        ),
        "metadata": merge_metadata({}, entry.get("metadata") or {}),
        "plan": plan_of(price),
        "price": price,
        "subscription": subscription_id,
        "tax_rates": [],
    }
    set_quantity(body, entry, param)
    return body


def set_quantity(item: Json, entry: Json, param: str) -> None:
    """Metered items have none: what is used counts.

    https://docs.stripe.com/billing/subscriptions/quantities
    """
    if price_amounts.is_metered(item["price"]):
        if "quantity" in entry:
            message = "You cannot set the quantity for metered plans."
            raise invalid(message, param=f"{param}[quantity]")
        item.pop("quantity", None)
    else:
        item["quantity"] = entry.get("quantity", item.get("quantity", 1))


def plan_of(price: Json) -> Json:
    """The older name of a price, still part of every item."""
    same = ("active", "billing_scheme", "created", "currency", "id", "livemode", "metadata")
    return {
        **{name: price[name] for name in same},
        "object": "plan",
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "interval": price["recurring"]["interval"],
        "interval_count": price["recurring"]["interval_count"],
        "meter": price["recurring"]["meter"],
        "nickname": price["nickname"],
        "product": price["product"],
        "tiers_mode": price["tiers_mode"],
        "transform_usage": price["transform_quantity"],
        "trial_period_days": price["recurring"]["trial_period_days"],
        "usage_type": price["recurring"]["usage_type"],
    }


def check(items: list[Json]) -> None:
    """What Stripe asks of items that are billed together."""
    if not items:
        raise invalid("A subscription must have at least one active plan.", param="items")
    if len(items) > MOST_ITEMS:
        raise invalid(f"You may only have up to {MOST_ITEMS} items.", param="items")
    if len({item["price"]["currency"] for item in items}) > 1:
        raise invalid("All prices on a subscription must have the same currency.", param="items")
    if len({rhythm(item) for item in items}) > 1:
        raise invalid(
            "All prices on a subscription must have the same `recurring.interval` and"
            " `recurring.interval_count`. If you meant to update an existing subscription item"
            " instead of creating a new one, make sure to include the subscription item ID in"
            " your request.",
            param="items",
        )
    if len({item["price"]["id"] for item in items}) < len(items):
        raise invalid("Cannot add multiple subscription items with the same plan.", param="items")


def rhythm(item: Json) -> tuple[str, int]:
    recurring_ = item["price"]["recurring"]
    return recurring_["interval"], recurring_["interval_count"]


def listed(subscription_id: str, items: list[Json]) -> Json:
    url = f"/v1/subscription_items?subscription={subscription_id}"
    return {**list_of(items, url), "total_count": len(items)}


def price_of_all(call: Call, items: list[Json]) -> int:
    return sum(price_amounts.amount_of_item(call, item) for item in items)
