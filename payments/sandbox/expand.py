"""Ids replaced by whole objects on request; https://docs.stripe.com/api/expanding_objects."""

import copy
from typing import Any

from .call import Call
from .errors import ApiError, invalid
from .listing import list_of
from .messages import Json

MAX_DEPTH = 4
# The fields of each object that hold the id of another.
EXPANDABLE: dict[str, tuple[str, ...]] = {
    "payment_intent": ("customer", "payment_method", "latest_charge", "review", "application"),
    "setup_intent": ("customer", "payment_method", "latest_attempt", "mandate", "application"),
    "charge": ("customer", "payment_intent", "balance_transaction", "refunds", "review"),
    "refund": ("charge", "payment_intent", "balance_transaction", "failure_balance_transaction"),
    "payment_method": ("customer",),
    "customer": ("default_source", "test_clock", "sources", "subscriptions", "tax_ids"),
    "customer.invoice_settings": ("default_payment_method",),
    "balance_transaction": ("source",),
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
    if step in EXPANDABLE.get(kind, ()):
        node[step] = _resolved(call, node, step)
    elif not rest or not isinstance(node.get(step), dict):
        raise _not_expandable(kind, path)
    child = node[step]
    if isinstance(child, dict):
        _descend(call, child, rest, str(child.get("object") or f"{kind}.{step}"), path)


def _resolved(call: Call, node: Json, step: str) -> Any:
    if node.get("object") == "charge" and step == "refunds":
        refunds = call.objects.all("refund", charge=node["id"])
        url = f"/v1/charges/{node['id']}/refunds"
        return list_of([record.data for record in reversed(refunds)], url)
    value = node.get(step)
    if not isinstance(value, str):
        return value
    record = call.objects.find_any(value)
    return value if record is None else copy.deepcopy(record.data)


def _not_expandable(kind: str, path: str) -> ApiError:
    options = ", ".join(EXPANDABLE.get(kind, ())) or "none"
    return invalid(
        f"This property cannot be expanded ({path}). You may want to try expanding one of the"
        f" following properties: {options}.",
        param="expand",
    )
