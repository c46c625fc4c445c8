"""Money is counted in integers and decimals: no float comes near it, not even in passing."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.rules.source import Breach, breaches, dotted, modules, planted

NEAR_MONEY = (
    "payments/workspaces",
    "payments/invoices",
    "payments/gateway",
    "payments/timeline",
    "payments/kit/money.py",
)
ALLOWED = {
    "payments/workspaces/documents.py:WAIT_SECONDS": "seconds of a wait",
    "payments/workspaces/customers.py:_WAITS": "seconds between tries",
}
ROUNDING = {"round", "math.floor", "math.ceil"}
# A path is joined with the same sign that divides numbers.
PATHS = ("path", "folder", "templates", "root")


def floats(module: ast.Module) -> Iterator[Breach]:
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            yield node.lineno, f"the float {node.value}"
        elif isinstance(node, ast.Name) and node.id == "float":
            yield node.lineno, "the type float"
        elif isinstance(node, ast.Call) and dotted(node.func) in {
            "round",
            "math.floor",
            "math.ceil",
        }:
            yield node.lineno, "rounds binary fractions"
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and not _joins(node):
            yield node.lineno, "a division that makes a float"


def _joins(node: ast.BinOp) -> bool:
    left, right = ast.unparse(node.left).lower(), node.right
    return any(word in left for word in PATHS) or isinstance(right, ast.JoinedStr)


def test_no_float_near_money() -> None:
    assert breaches(floats, modules(*NEAR_MONEY), ALLOWED) == []


@pytest.mark.parametrize(
    "sample",
    [
        "amount = 9.99",
        "amount = float(text)",
        "def price() -> float: ...",
        "amount = round(total)",
        "amount = minor / 100",
    ],
)
def test_a_planted_float_is_found(sample: str) -> None:
    assert len(planted(floats, sample)) == 1


def test_joining_paths_is_no_division() -> None:
    assert planted(floats, "file = TEMPLATES / 'invoice.css'") == []
