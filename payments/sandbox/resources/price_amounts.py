"""What a quantity of a price costs, in minor units; https://docs.stripe.com/products-prices/pricing-models."""

from decimal import ROUND_HALF_UP, Decimal

from ..call import Call
from ..messages import Json


def amount_of(call: Call, price: Json, quantity: int) -> int:
    """Return minor units, a half rounded up, as Stripe does for fractions of the smallest unit."""
    units = _transform(price, quantity)
    if price["billing_scheme"] == "per_unit":
        return _round(Decimal(price["unit_amount_decimal"]) * units)
    tiers = call.reference("price", price["id"], "price").private["tiers"]
    if price["tiers_mode"] == "volume":
        return _round(_cost_in_tier(_tier_of(tiers, units), units))
    return _round(_cost_in_steps(tiers, units))


def amount_of_item(call: Call, item: Json) -> int:
    """Return what a period of a subscription's item costs in advance; use is billed afterwards."""
    return amount_of(call, item["price"], item["quantity"]) if "quantity" in item else 0


def is_metered(price: Json) -> bool:
    return bool(price["recurring"] and price["recurring"]["usage_type"] == "metered")


def _transform(price: Json, quantity: int) -> int:
    """https://docs.stripe.com/products-prices/pricing-models#transform-quantities"""
    rule = price["transform_quantity"]
    if not rule:
        return quantity
    divide_by: int = rule["divide_by"]
    rounded_up = quantity % divide_by and rule["round"] == "up"
    return quantity // divide_by + (1 if rounded_up else 0)


def _cost_in_tier(tier: Json, units: int) -> Decimal:
    return Decimal(tier["unit_amount_decimal"] or 0) * units + Decimal(
        tier["flat_amount_decimal"] or 0
    )


def _tier_of(tiers: list[Json], units: int) -> Json:
    return next(tier for tier in tiers if tier["up_to"] is None or units <= tier["up_to"])


def _cost_in_steps(tiers: list[Json], units: int) -> Decimal:
    """Graduated: each unit costs what its own tier says."""
    cost, start = Decimal(0), 0
    for tier in tiers:
        end = units if tier["up_to"] is None else min(units, tier["up_to"])
        if end > start or start == units == 0:
            cost += _cost_in_tier(tier, end - start)
        if end == units:
            return cost
        start = end
    return cost


def _round(amount: Decimal) -> int:
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP))
