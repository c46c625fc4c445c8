"""The table of docs/security.md: each statement with a test that exists, few that do not hold."""

from __future__ import annotations

from dataclasses import dataclass

from tests.rules.named_tests import NAMED, list_missing
from tests.rules.source import ROOT

DOCUMENT = ROOT / "docs" / "security.md"
STATES = {"ok", "part", "no"}
MOST_NOT_MET = 5
# A reason is a sentence, not a word.
LEAST_REASON = 60


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    item: str
    state: str
    how: str
    tests: str


def read_rows() -> list[Row]:
    lines = DOCUMENT.read_text("utf-8").partition("| item | state |")[2].splitlines()[2:]
    return [Row(*(cell.strip() for cell in line.strip("|").split("|"))) for line in lines if line]


ROWS = read_rows()


def test_every_test_that_is_named_exists() -> None:
    assert list_missing(DOCUMENT.read_text("utf-8")) == []


def test_the_table_is_whole() -> None:
    assert len(ROWS) >= 40
    assert len({row.item for row in ROWS}) == len(ROWS)
    assert {row.state for row in ROWS} <= STATES


def test_every_statement_has_a_test() -> None:
    without = [row.item for row in ROWS if not NAMED.search(row.tests) and "TODO" not in row.tests]
    assert without == []


def test_few_statements_do_not_hold_and_each_says_why() -> None:
    not_met = [row for row in ROWS if row.state != "ok"]
    assert len(not_met) <= MOST_NOT_MET
    assert [row.item for row in not_met if len(row.how) < LEAST_REASON] == []


def test_nothing_is_left_to_do() -> None:
    assert [row.item for row in ROWS if "TODO" in row.how + row.tests] == []
