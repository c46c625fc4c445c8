"""What is bought in a Checkout session; https://docs.stripe.com/api/checkout/sessions/line_items."""

from ..call import Call
from ..errors import invalid
from ..ids import new_id
from ..messages import Json
from ..money import check_chargeable
from ..objects import Record
from ..params import merge_metadata
from . import price_amounts, prices, subscription_parts
from .discounts import Base, get_amounts_off


def make(call: Call, entries: list[Json], mode: str) -> list[Json]:
    lines = [_line(call, entry, index) for index, entry in enumerate(entries)]
    recurring = [line for line in lines if line["price"]["recurring"]]
    if mode == "payment" and recurring:
        raise invalid(
            "You specified `payment` mode but passed a recurring price. Either switch to"
            " `subscription` mode or use only one-time prices.",
            param="line_items",
        )
    if mode == "subscription" and not recurring:
        raise invalid(
            "You must provide at least one recurring price in `subscription` mode when using"
            " prices.",
            param="line_items",
        )
    if len({line["currency"] for line in lines}) > 1:
        message = "All line items must have the same currency."
        raise invalid(message, param="line_items")
    if mode == "subscription":
        subscription_parts.check(recurring)
    return lines


def _line(call: Call, entry: Json, index: int) -> Json:
    price = subscription_parts.resolve(call, entry, f"line_items[{index}]")
    quantity = _quantity(entry, price, index)
    amount = price_amounts.amount_of(call, price, quantity or 0)
    return {
        "id": new_id("li"),
        "object": "item",
        "adjustable_quantity": None,
        "amount_discount": 0,
        "amount_subtotal": amount,
        "amount_tax": 0,
        "amount_total": amount,
        "currency": price["currency"],
        "description": prices.product_name(call, price),
        "discounts": [],
        "metadata": merge_metadata({}, entry.get("metadata") or {}),
        "price": price,
        "quantity": quantity,
        "taxes": [],
    }


def _quantity(entry: Json, price: Json, index: int) -> int | None:
    """https://docs.stripe.com/api/checkout/sessions/create"""
    line = f"line_items[{index}]"
    if price_amounts.is_metered(price):
        if "quantity" in entry:
            raise invalid(
                "Quantity should not be specified where usage_type is `metered`. Remove quantity"
                f" from `{line}`",
                param=f"{line}[quantity]",
            )
        return None
    if "quantity" not in entry:
        message = f"Quantity is required. Add `quantity` to `{line}`"
        raise invalid(message, "parameter_missing", f"{line}[quantity]")
    quantity: int = entry["quantity"]
    return quantity


def start_with_trial(lines: list[Json]) -> None:
    """Nothing is due today for what recurs."""
    for line in lines:
        if line["price"]["recurring"]:
            line.update(amount_subtotal=0, amount_total=0)


def take_off(lines: list[Json], coupon: Record) -> None:
    """https://docs.stripe.com/payments/checkout/discounts"""
    bases = [Base(line["amount_total"], line["price"]["product"]) for line in lines]
    offs = get_amounts_off(coupon, bases, lines[0]["currency"])
    for line, off in zip(lines, offs, strict=True):
        line["amount_discount"] = off
        line["amount_total"] -= off


def total(lines: list[Json], mode: str) -> int:
    amount: int = sum(line["amount_total"] for line in lines)
    if mode == "payment" and amount:
        check_chargeable(amount, lines[0]["currency"])
    return amount
