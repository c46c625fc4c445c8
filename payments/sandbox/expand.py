"""Ids replaced by whole objects on request; https://docs.stripe.com/api/expanding_objects."""

import copy
from typing import Any

from . import generations
from .call import Call
from .errors import ApiError, invalid
from .expandable import EXPANDABLE
from .included import INCLUDED, NULLABLE
from .messages import Json

MAX_DEPTH = 4


def expand(call: Call, body: Json, paths: list[str]) -> Json:
    """Replace on a copy: what is stored and what events carry stays unexpanded."""
    if not paths:
        return body
    body = copy.deepcopy(body)
    for index, path in enumerate(paths):
        steps = path.split(".")
        if len(steps) > MAX_DEPTH:
            raise _too_deep(path, index)
        _descend(call, body, steps, str(body.get("object")), path)
    return body


def _too_deep(path: str, index: int) -> ApiError:
    """The `data` of a list counts as a level; https://docs.stripe.com/expand#depth-limit"""
    message = f"You cannot expand more than {MAX_DEPTH} levels of a property. Property: {path}"
    refusal = invalid(message, "property_expansion_max_depth", f"expand[{index}]")
    refusal.error.pop("doc_url")
    return refusal


def _descend(call: Call, node: Json, steps: list[str], kind: str, path: str) -> None:
    if not steps:
        return
    step, rest = steps[0], steps[1:]
    if node.get("object") in ("list", "search_result") and step == "data":
        for item in node["data"]:
            _descend(call, item, rest, str(item.get("object")), path)
        return
    if step in _options(call, kind):
        _resolve(call, node, step, kind)
    elif not rest or step not in node or not isinstance(node[step], dict | list | None):
        raise _not_expandable(_options(call, kind), path)
    child = node.get(step)
    for part in child if isinstance(child, list) else [child]:
        if isinstance(part, dict):
            _descend(call, part, rest, str(part.get("object") or f"{kind}.{step}"), path)


def _resolve(call: Call, node: Json, step: str, kind: str) -> None:
    """What another path has expanded already stays; what this object cannot have stays absent."""
    value = node.get(step)
    key = (kind, step)
    if key in INCLUDED and not value:
        included = INCLUDED[key](call, node)
        if included is not None or key in NULLABLE:
            node[step] = _shape(call, included)
    elif isinstance(value, list):
        node[step] = [_find_object(call, each) for each in value]
    elif step in node:
        node[step] = _find_object(call, value)


def _find_object(call: Call, value: Any) -> Any:
    record = call.objects.find_any(value) if isinstance(value, str) else None
    return value if record is None else _shape(call, copy.deepcopy(record.data))


def _shape(call: Call, value: Any) -> Any:
    if isinstance(value, dict):
        return generations.shaped(call, value, call.api_version)
    return value


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
