"""What a price is made of, wherever one is given: on its own, inline, with a product."""

import re
from typing import Any

from ..errors import invalid
from ..params import Schema, array, boolean, choice, fields, integer, metadata, text, word

LARGEST = 999_999_999_999


def decimal(name: str, value: Any) -> int:
    """`unit_amount_decimal`, as long as it is a whole number of the smallest unit."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,12}(\.0{1,12})?", value):
        return int(value.partition(".")[0])
    raise invalid(f"Invalid decimal: {value}; the sandbox takes whole units only.", param=name)


AMOUNTS: Schema = {
    "currency": word(),
    "recurring": fields(
        ["interval"],
        interval=choice("day", "week", "month", "year"),
        interval_count=integer(1),
        trial_period_days=integer(1, 730),
        usage_type=choice("licensed"),
    ),
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
# https://docs.stripe.com/products-prices/pricing-models#inline-pricing
INLINE = fields(["currency"], **AMOUNTS, product=text(), product_data=PRODUCT_DATA)
