"""What a change in the middle of a period costs or gives back, to the second.

https://docs.stripe.com/billing/subscriptions/prorations
"""

from ..calendar import share, written_day
from ..call import Call
from ..messages import Json
from ..objects import Record
from . import invoice_items, price_amounts, prices


def credit(call: Call, customer: Record, items: list[Json], at: int) -> None:
    for item in items:
        if "quantity" in item:  # what is metered is billed as it was used
            _add(call, customer, item, at, -1)


def debit(call: Call, customer: Record, items: list[Json], at: int) -> None:
    for item in items:
        if "quantity" in item:
            _add(call, customer, item, at, 1)


def _add(call: Call, customer: Record, item: Json, at: int, sign: int) -> None:
    start, until = item["current_period_start"], item["current_period_end"]
    price, quantity = item["price"], item["quantity"]
    whole = price_amounts.amount_of(call, price, quantity)
    made = {
        "amount": sign * share(whole, until - at, until - start),
        "currency": price["currency"],
        "description": _description(call, item, at, sign),
        "item": item["id"],
        "period": {"end": until, "start": at},
        "price": price,
        "proration": True,
        "quantity": quantity,
        "subscription": item["subscription"],
    }
    invoice_items.make(call, customer, made)


def _description(call: Call, item: Json, at: int, sign: int) -> str:
    name = prices.product_name(call, item["price"])
    times = f"{item['quantity']} × " if item["quantity"] != 1 else ""
    kind = "Unused" if sign < 0 else "Remaining"
    return f"{kind} time on {times}{name} after {written_day(at)}"


def differs(old: Json, new: Json) -> bool:
    same = old["price"]["id"] == new["price"]["id"]
    return not same or old.get("quantity") != new.get("quantity")
