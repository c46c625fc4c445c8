"""The table of faults names tests that exist: a renamed test must not leave a promise behind."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.rules.source import ROOT, tree

TABLE = ROOT / "docs" / "faults.md"
NAMED = re.compile(r"`(tests/[\w/]+\.py)((?:::\w+)*)`")
ROW = re.compile(r"^\| (\d+) \|", re.MULTILINE)


def missing(text: str) -> list[str]:
    """Return the tests that are named and are nowhere."""
    return [
        path + names
        for path, names in NAMED.findall(text)
        if not ((ROOT / path).exists() and _holds(Path(path), names.split("::")[1:]))
    ]


def _holds(path: Path, names: list[str]) -> bool:
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


def test_every_test_that_is_named_exists() -> None:
    assert missing(TABLE.read_text("utf-8")) == []


def test_every_fault_has_its_row() -> None:
    numbers = [int(number) for number in ROW.findall(TABLE.read_text("utf-8"))]
    assert numbers == list(range(1, 73))


def test_a_planted_promise_is_found() -> None:
    here = "tests/rules/test_faults_table.py"
    assert missing(f"`{here}::test_nowhere`") == [f"{here}::test_nowhere"]
    assert missing(f"`{here}::test_a_planted_promise_is_found`") == []
