"""Ids replaced by whole objects on request; https://docs.stripe.com/api/expanding_objects."""

import copy
from typing import Any

from . import generations
from .call import Call
from .errors import ApiError, invalid
from .included import INCLUDED
from .messages import Json

MAX_DEPTH = 4
# The fields of each object that hold the id of another.
EXPANDABLE: dict[str, tuple[str, ...]] = {
    "payment_intent": ("customer", "payment_method", "latest_charge", "review", "application"),
    "setup_intent": ("customer", "payment_method", "latest_attempt", "mandate", "application"),
    "charge": ("customer", "payment_intent", "balance_transaction", "dispute", "refunds", "review"),
    "refund": (
        "charge",
        "payment_intent",
        "customer",
        "payment_method",
        "balance_transaction",
        "failure_balance_transaction",
    ),
    "payment_method": ("customer",),
    "customer": (
        "default_source",
        "invoice_credit_balance",
        "test_clock",
        "sources",
        "subscriptions",
        "tax",
        "tax_ids",
    ),
    "customer.invoice_settings": ("default_payment_method",),
    "balance_transaction": ("source",),
    "price": ("product",),
    "subscription": (
        "customer",
        "default_payment_method",
        "default_source",
        "latest_invoice",
        "pending_setup_intent",
        "schedule",
        "test_clock",
    ),
    "invoice": (
        "customer",
        "default_payment_method",
        "payments",
        "confirmation_secret",
        "test_clock",
    ),
    "invoice.parent.subscription_details": ("subscription",),
    "line_item": ("subscription",),
    "line_item.pricing.price_details": ("price",),
    "invoice_payment": ("invoice",),
    "invoice_payment.payment": ("charge", "payment_intent"),
    "invoiceitem": ("customer", "invoice", "test_clock"),
    "invoiceitem.pricing.price_details": ("price",),
    "customer_balance_transaction": ("credit_note", "customer", "invoice"),
    "product": ("default_price",),
    "checkout.session": (
        "customer",
        "invoice",
        "line_items",
        "payment_intent",
        "setup_intent",
        "subscription",
    ),
    "billing_portal.session": ("configuration",),
    "dispute": ("charge", "payment_intent"),
    "credit_note": ("customer", "customer_balance_transaction", "invoice", "refund"),
}


def expand(call: Call, body: Json, paths: list[str]) -> Json:
    """Replace on a copy: what is stored and what events carry stays unexpanded."""
    if not paths:
        return body
    body = copy.deepcopy(body)
    for index, path in enumerate(paths):
        steps = path.split(".")
        if len([step for step in steps if step != "data"]) > MAX_DEPTH:
            raise invalid(
                f"You cannot expand more than {MAX_DEPTH} levels of a property. Property: {path}",
                param=f"expand[{index}]",
            )
        _descend(call, body, steps, str(body.get("object")), path)
    return body


def _descend(call: Call, node: Any, steps: list[str], kind: str, path: str) -> None:
    if not steps or not isinstance(node, dict):
        return
    step, rest = steps[0], steps[1:]
    if node.get("object") in ("list", "search_result") and step == "data":
        for item in node["data"]:
            _descend(call, item, rest, str(item.get("object")), path)
        return
    if step in _options(call, kind):
        node[step] = _resolved(call, node, step)
    elif not rest or not isinstance(node.get(step), dict):
        raise _not_expandable(_options(call, kind), path)
    child = node[step]
    if isinstance(child, dict):
        _descend(call, child, rest, str(child.get("object") or f"{kind}.{step}"), path)


def _resolved(call: Call, node: Json, step: str) -> Any:
    include = INCLUDED.get((str(node.get("object")), step))
    if include is not None:
        included = include(call, node)
        return included and generations.shaped(call, included, call.api_version)
    value = node.get(step)
    if not isinstance(value, str):
        return value
    record = call.objects.find_any(value)
    if record is None:
        return value
    return generations.shaped(call, copy.deepcopy(record.data), call.api_version)


def _options(call: Call, kind: str) -> tuple[str, ...]:
    """What a version shows decides what can be expanded in it."""
    then = generations.EXPANDABLE.get(kind, ()) if generations.is_older(call.api_version) else ()
    return EXPANDABLE.get(kind, ()) + then


def _not_expandable(names: tuple[str, ...], path: str) -> ApiError:
    options = ", ".join(names) or "none"
    return invalid(
        f"This property cannot be expanded ({path}). You may want to try expanding one of the"
        f" following properties: {options}.",
        param="expand",
    )
