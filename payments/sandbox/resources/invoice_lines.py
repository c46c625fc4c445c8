"""The lines of invoices; https://docs.stripe.com/api/invoice-line-item."""

from ..call import Call
from ..ids import new_id
from ..messages import Json
from . import price_amounts, prices


def of_item(
    call: Call, item: Json, start: int, end: int, amount: int | None = None, used: int = 0
) -> Json:
    """One item of a subscription for one period, for its full price unless told otherwise."""
    price, quantity = item["price"], item.get("quantity", used)
    if amount is None:
        amount = price_amounts.amount_of(call, price, quantity)
    name = f"{prices.counted_name(call, price, quantity)} (at {prices.rhythm(price)})"
    body = _blank(call, price["currency"])
    return {
        **body,
        "amount": amount,
        "description": name,
        "discounts": list(item["discounts"]),
        "parent": _of_subscription(item),
        "period": {"end": end, "start": start},
        "pricing": pricing(price),
        "quantity": quantity,
        "subscription": item["subscription"],
    }


def of_trial(call: Call, item: Json, start: int, end: int) -> Json:
    name = prices.counted_name(call, item["price"], item.get("quantity", 0))
    line = of_item(call, item, start, end, 0)
    free = {**line["pricing"], "unit_amount_decimal": "0"}
    return {**line, "description": f"Free trial for {name}", "pricing": free}


def of_invoice_item(call: Call, data: Json) -> Json:
    """What was waiting to be billed, prorations above all."""
    kept = (
        "amount", "description", "discountable", "discounts", "metadata", "period", "pricing",
        "quantity",
    )  # fmt: skip
    details = (data["parent"] or {}).get("subscription_details") or {}
    line = {**_blank(call, data["currency"]), **{name: data[name] for name in kept}}
    line["subscription"] = details.get("subscription")
    line["parent"] = _of_pending(data, details)
    return line


def _of_pending(data: Json, details: Json) -> Json:
    common = {
        "invoice_item": data["id"],
        "proration": data["proration"],
        "proration_details": {"credited_items": None},
        "subscription": details.get("subscription"),
    }
    if details.get("subscription_item"):
        common["subscription_item"] = details["subscription_item"]
        return {
            "invoice_item_details": None,
            "subscription_item_details": common,
            "type": "subscription_item_details",
        }
    return {
        "invoice_item_details": common,
        "subscription_item_details": None,
        "type": "invoice_item_details",
    }


def _of_subscription(item: Json) -> Json:
    return {
        "invoice_item_details": None,
        "subscription_item_details": {
            "invoice_item": None,
            "proration": False,
            "proration_details": {"credited_items": None},
            "subscription": item["subscription"],
            "subscription_item": item["id"],
        },
        "type": "subscription_item_details",
    }


def pricing(price: Json) -> Json:
    return {
        "price_details": {"price": price["id"], "product": price["product"]},
        "type": "price_details",
        "unit_amount_decimal": price["unit_amount_decimal"],
    }


def _blank(call: Call, currency: str) -> Json:
    return {
        "id": new_id("il"),
        "object": "line_item",
        "amount": 0,
        "currency": currency,
        "description": None,
        "discount_amounts": [],
        "discountable": True,
        "discounts": [],
        "invoice": None,
        "livemode": call.account.livemode,
        "metadata": {},
        "parent": None,
        "period": None,
        "pretax_credit_amounts": [],
        "pricing": None,
        "quantity": 1,
        "subscription": None,
        "taxes": [],
    }


def finished(line: Json, invoice_id: str) -> Json:
    """A line as it stands on its invoice."""
    return {
        **line,
        "invoice": invoice_id,
        "quantity_decimal": str(line["quantity"]),
        "subtotal": line["amount"],
    }
