"""The table of faults names tests that exist: a renamed test must not leave a promise behind."""

from __future__ import annotations

import re

from tests.rules.named_tests import list_missing
from tests.rules.source import ROOT

TABLE = ROOT / "docs" / "faults.md"
ROW = re.compile(r"^\| (\d+) \|", re.MULTILINE)


def test_every_test_that_is_named_exists() -> None:
    assert list_missing(TABLE.read_text("utf-8")) == []


def test_every_fault_has_its_row() -> None:
    numbers = [int(number) for number in ROW.findall(TABLE.read_text("utf-8"))]
    assert numbers == list(range(1, 73))


def test_a_planted_promise_is_found() -> None:
    here = "tests/rules/test_faults_table.py"
    assert list_missing(f"`{here}::test_nowhere`") == [f"{here}::test_nowhere"]
    assert list_missing(f"`{here}::test_a_planted_promise_is_found`") == []
