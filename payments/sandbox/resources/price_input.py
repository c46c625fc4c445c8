"""What a price is made of, wherever one is given: on its own, inline, with a product."""

import re
from typing import Any

from ..errors import invalid
from ..params import (
    Check,
    Schema,
    array,
    boolean,
    choice,
    entry,
    fields,
    integer,
    metadata,
    text,
    word,
)

LARGEST = 999_999_999_999


def decimal(name: str, value: Any) -> str:
    """An amount in minor units with at most twelve decimal places, as Stripe writes it back."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,12})?", value):
        whole, _, fraction = value.partition(".")
        return f"{int(whole)}.{fraction.rstrip('0')}".rstrip(".")
    raise invalid(f"Invalid decimal: {value}", "parameter_invalid_decimal", name)


def up_to(name: str, value: Any) -> int | None:
    """Where a tier ends; `inf` for the last one."""
    if value == "inf":
        return None
    bound: int = integer(1)(name, value)
    return bound


def make_recurring_check(**more: Check) -> Check:
    return fields(
        ["interval"],
        interval=choice("day", "week", "month", "year"),
        interval_count=integer(1),
        trial_period_days=integer(1, 730),
        **more,
    )


AMOUNTS: Schema = {
    "currency": word(),
    "recurring": make_recurring_check(usage_type=choice("licensed")),
    "tax_behavior": choice("exclusive", "inclusive", "unspecified"),
    "unit_amount": integer(0, LARGEST),
    "unit_amount_decimal": decimal,
}
PRODUCT_DATA = fields(
    ["name"],
    active=boolean,
    description=text(),
    id=word(),
    images=array(word(2048), 8),
    metadata=metadata,
    name=word(250),
    statement_descriptor=text(22),
    tax_code=text(),
    unit_label=text(12),
)
TIER = entry(
    ["up_to"],
    flat_amount=integer(0, LARGEST),
    flat_amount_decimal=decimal,
    unit_amount=integer(0, LARGEST),
    unit_amount_decimal=decimal,
    up_to=up_to,
)
# What a price of its own may have and one that is described inline may not.
WHOLE: Schema = {
    **AMOUNTS,
    "billing_scheme": choice("per_unit", "tiered"),
    "recurring": make_recurring_check(meter=text(), usage_type=choice("licensed", "metered")),
    "tiers": array(TIER),
    "tiers_mode": choice("graduated", "volume"),
    "transform_quantity": fields(
        ["divide_by", "round"], divide_by=integer(1), round=choice("down", "up")
    ),
}
# https://docs.stripe.com/products-prices/pricing-models#inline-pricing
INLINE = fields(["currency"], **AMOUNTS, product=text(), product_data=PRODUCT_DATA)
