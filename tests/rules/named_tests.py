"""Finds the tests that a document names: a renamed test must not leave a promise behind."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.rules.source import ROOT, tree

NAMED = re.compile(r"`(tests/[\w/]+\.py)((?:::\w+)*)`")


def list_missing(text: str) -> list[str]:
    """Return the tests that are named and are nowhere."""
    return [
        path + names
        for path, names in NAMED.findall(text)
        if not ((ROOT / path).exists() and _has_names(Path(path), names.split("::")[1:]))
    ]


def _has_names(path: Path, names: list[str]) -> bool:
    body: list[ast.stmt] = tree(path).body
    for name in names:
        found = [
            node
            for node in body
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name
        ]
        if not found:
            return False
        body = found[0].body
    return True
