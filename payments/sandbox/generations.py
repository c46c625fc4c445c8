"""Objects as they looked before *basil*, for endpoints and accounts that still ask for that.

https://docs.stripe.com/changelog/basil moved the billing period to the items of a subscription
and took the payment intent, the charge and the subscription off the invoice.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .messages import Json
from .objects import changed

if TYPE_CHECKING:
    from .call import Call

BASIL = "2025-03-31"


def is_older(version: str) -> bool:
    return version < BASIL


def shaped(call: Call, body: Json, version: str) -> Json:
    """The object as that version shows it; what is stored stays as it is."""
    return _older(call, copy.deepcopy(body)) if is_older(version) else body


def shaped_changes(call: Call, new: Json, previous: Json | None, version: str) -> Json | None:
    """`previous_attributes` in the words of that version."""
    if previous is None or not is_older(version):
        return previous
    old = _restored(new, previous)
    return changed(shaped(call, old, version), shaped(call, new, version))


def _restored(new: Json, previous: Json) -> Json:
    old = dict(new)
    for name, value in previous.items():
        both = isinstance(value, dict) and isinstance(new.get(name), dict)
        old[name] = _restored(new[name], value) if both else value
    return old


def _older(call: Call, node: Any) -> Any:
    if isinstance(node, list):
        return [_older(call, each) for each in node]
    if not isinstance(node, dict) or node.get("object") == "event":
        return node
    node = {name: _older(call, value) for name, value in node.items()}
    change = CHANGES.get(str(node.get("object")))
    if change is not None and not node.get("deleted"):
        change(call, node)
    return node


def _subscription(_call: Call, data: Json) -> None:
    items = data["items"]["data"]
    single = items[0] if len(items) == 1 else {}
    data.update(
        current_period_end=items[0].pop("current_period_end"),
        current_period_start=items[0].pop("current_period_start"),
        discount=None,
        plan=single.get("plan"),
        quantity=single.get("quantity"),
    )
    for item in items[1:]:
        del item["current_period_end"], item["current_period_start"]


def _invoice(call: Call, data: Json) -> None:
    details = (data.pop("parent") or {}).get("subscription_details") or {}
    intent = _intent_of(call, data)
    data.update(
        application_fee_amount=None,
        charge=intent.get("latest_charge"),
        discount=None,
        paid=data["status"] == "paid",
        paid_out_of_band=data["status"] == "paid" and data["amount_paid"] < data["amount_due"],
        payment_intent=intent.get("id"),
        quote=None,
        subscription=details.get("subscription"),
        subscription_details={"metadata": details.get("metadata")},
        tax=None,
        total_tax_amounts=[],
        transfer_data=None,
    )
    for name in ("amount_overpaid", "confirmation_secret", "payments", "total_taxes"):
        data.pop(name, None)


def _intent_of(call: Call, invoice: Json) -> Json:
    payments = call.objects.all("invoice_payment", invoice=invoice["id"], is_default=True)
    if not payments:
        return {}
    intent_id = payments[0].data["payment"]["payment_intent"]
    return call.reference("payment_intent", intent_id, "payment_intent").data


def _line(call: Call, data: Json) -> None:
    parent = data.pop("parent")
    details = parent[parent["type"]]
    price = _price(call, data.pop("pricing"))
    data.update(
        plan=_plan(price),
        price=price,
        proration=details["proration"],
        proration_details=details["proration_details"],
        subscription=details["subscription"],
        tax_amounts=[],
        tax_rates=[],
        type="invoiceitem" if details["invoice_item"] else "subscription",
    )
    if details.get("subscription_item"):
        data["subscription_item"] = details["subscription_item"]
    if details["invoice_item"]:
        data["invoice_item"] = details["invoice_item"]
    for name in ("quantity_decimal", "subtotal", "taxes"):
        del data[name]


def _invoice_item(call: Call, data: Json) -> None:
    details = (data.pop("parent") or {}).get("subscription_details") or {}
    price = _price(call, data.pop("pricing"))
    data.update(
        plan=_plan(price),
        price=price,
        subscription=details.get("subscription"),
        subscription_item=details.get("subscription_item"),
        unit_amount=price["unit_amount"] if price else data["amount"],
    )
    for name in ("net_amount", "proration_details", "quantity_decimal"):
        data.pop(name, None)


def _price(call: Call, pricing: Json | None) -> Json | None:
    if pricing is None:
        return None
    return call.reference("price", pricing["price_details"]["price"], "price").data


def _plan(price: Json | None) -> Json | None:
    """Only recurring prices were plans once."""
    if price is None or price["recurring"] is None:
        return None
    same = ("active", "billing_scheme", "created", "currency", "id", "livemode", "metadata",
            "nickname", "product")  # fmt: skip
    return {
        **{name: price[name] for name in same},
        **price["recurring"],
        "object": "plan",
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "tiers_mode": None,
        "transform_usage": None,
    }


def _payment_intent(call: Call, data: Json) -> None:
    record = call.objects.find("payment_intent", data["id"])
    data["invoice"] = record.private.get("invoice") if record else None


def _charge(call: Call, data: Json) -> None:
    record = call.objects.find("payment_intent", data["payment_intent"])
    data["invoice"] = record.private.get("invoice") if record else None


def _session(_call: Call, data: Json) -> None:
    data["ui_mode"] = "hosted"


CHANGES: dict[str, Callable[[Call, Json], None]] = {
    "charge": _charge,
    "checkout.session": _session,
    "invoice": _invoice,
    "invoiceitem": _invoice_item,
    "line_item": _line,
    "payment_intent": _payment_intent,
    "subscription": _subscription,
}
# What could be expanded then and cannot now.
EXPANDABLE: dict[str, tuple[str, ...]] = {
    "charge": ("invoice",),
    "invoice": ("charge", "payment_intent", "subscription"),
    "payment_intent": ("invoice",),
}
