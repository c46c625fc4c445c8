"""Each outside service has one door, and no string or late import opens a second one."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.rules.source import Breach, breaches, dotted, modules, planted

DOORS = {
    "stripe": ("payments/gateway/",),
    "boto3": ("payments/invoices/storage.py",),
    "botocore": ("payments/invoices/storage.py",),
    "xhtml2pdf": ("payments/invoices/",),
}


def imports(module: ast.Module, package: str) -> Iterator[Breach]:
    for node in ast.walk(module):
        for name in _names(node):
            if name.split(".")[0] == package:
                yield node.lineno, f"imports {name}"  # type: ignore[attr-defined]


def _names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""] if not node.level else []
    late = isinstance(node, ast.Call) and dotted(node.func).endswith(
        ("import_module", "__import__")
    )
    if late and node.args and isinstance(node.args[0], ast.Constant):
        return [str(node.args[0].value)]
    return []


def _elsewhere(doors: tuple[str, ...]) -> list[Path]:
    return [path for path in modules("payments", "worker") if not str(path).startswith(doors)]


@pytest.mark.parametrize("package", DOORS)
def test_one_door(package: str) -> None:
    assert breaches(partial(imports, package=package), _elsewhere(DOORS[package])) == []


@pytest.mark.parametrize(
    "sample",
    [
        "import stripe",
        "import stripe.error as e",
        "from stripe import StripeClient",
        "def late():\n    import stripe",
        "sdk = importlib.import_module('stripe')",
    ],
)
def test_a_planted_import_is_found(sample: str) -> None:
    assert len(planted(partial(imports, package="stripe"), sample)) == 1


def test_a_relative_import_of_that_name_is_another_module() -> None:
    assert planted(partial(imports, package="stripe"), "from .stripe import x") == []
