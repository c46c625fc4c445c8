"""Bracketed form encoding, as Stripe's libraries send it, turned into nested dictionaries."""

import re
from typing import Any
from urllib.parse import parse_qsl

from .errors import invalid
from .messages import Json

MAX_FIELDS = 2000
MAX_DEPTH = 8
KEY = re.compile(r"[^\[\]]+(?:\[[^\[\]]*\])*")


def decode(text: str) -> Json:
    """`a[b]=1&c[]=2` becomes `{"a": {"b": "1"}, "c": {"0": "2"}}`; schemas make lists of those."""
    tree: Json = {}
    for key, value in _pairs(text):
        _place(tree, _path(key), value, key)
    return tree


def _pairs(text: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict")
    except ValueError as problem:
        raise invalid(f"Invalid request body: {problem}") from None


def _path(key: str) -> list[str]:
    if not KEY.fullmatch(key):
        raise invalid(f"Invalid parameter name: {key}")
    path = key.replace("]", "").split("[")
    if len(path) > MAX_DEPTH:
        raise invalid(f"Parameter is nested too deeply: {key}")
    return path


def _place(tree: Json, path: list[str], value: str, key: str) -> None:
    node: Any = tree
    for step in path[:-1]:
        node = node.setdefault(step or str(len(node)), {})
        if not isinstance(node, dict):
            raise invalid(f"Invalid parameter: {key} is both a value and an object")
    last = path[-1] or str(len(node))
    if isinstance(node.get(last), dict):
        raise invalid(f"Invalid parameter: {key} is both a value and an object")
    node[last] = value
