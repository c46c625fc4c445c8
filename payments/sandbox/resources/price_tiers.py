"""Tiers of a price; https://docs.stripe.com/products-prices/pricing-models#tiered-pricing."""

from decimal import Decimal

from ..errors import invalid
from ..messages import Json


def read_tiers(given: Json) -> list[Json]:
    """Return the tiers as the API shows them; raise for an order that leaves gaps."""
    if not given.get("tiers") or not given.get("tiers_mode"):
        missing = "tiers_mode" if given.get("tiers") else "tiers"
        message = f"`{missing}` must be set if `billing_scheme` is `tiered`."
        raise invalid(message, "parameter_missing", missing)
    tiers = [_tier(each) for each in given["tiers"]]
    bounds = [tier["up_to"] for tier in tiers]
    if None in bounds[:-1] or bounds[-1] is not None:
        raise invalid(
            "The last tier, and only that, must have `up_to` set to `inf`.", param="tiers"
        )
    if sorted(bounds[:-1]) != bounds[:-1] or len(set(bounds)) < len(bounds):
        raise invalid("The tiers must be in ascending order of `up_to`.", param="tiers")
    return tiers


def _tier(given: Json) -> Json:
    tier: Json = {"up_to": given["up_to"]}
    for name in ("flat_amount", "unit_amount"):
        exact = given.get(f"{name}_decimal", str(given[name]) if name in given else None)
        whole = exact is not None and Decimal(exact) == int(Decimal(exact))
        tier[name] = int(Decimal(exact)) if exact is not None and whole else None
        tier[f"{name}_decimal"] = exact
    return tier
