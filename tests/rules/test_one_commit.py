"""Only kit/transactions.py commits: a commit elsewhere would end somebody else's unit of work."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.rules.source import Breach, breaches, dotted, modules, planted

HOME = {
    "payments/kit/transactions.py": "the one place",
    "payments/sandbox/store.py": "the sandbox is a program of its own, with its own SQLite file",
}


def commits(module: ast.Module) -> Iterator[Breach]:
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and dotted(node.func).split(".")[-1] == "commit":
            yield node.lineno, "commits by itself"


def test_nobody_else_commits() -> None:
    assert breaches(commits, modules("payments", "worker", "celeryconfig.py"), HOME) == []


def test_a_planted_commit_is_found() -> None:
    assert planted(commits, "def save(session):\n    session.commit()") == ["commits by itself"]


def test_the_one_place_still_commits() -> None:
    assert breaches(commits, modules("payments/kit/transactions.py")) != []
