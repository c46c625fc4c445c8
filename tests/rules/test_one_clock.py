"""Only kit/clock.py asks what time it is: what asks by itself cannot be tested across a year."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.rules.source import Breach, breaches, dotted, modules, planted

HOMES = {
    "payments/kit/clock.py": "the one clock",
    "payments/sandbox/clock.py": "the sandbox's own clock, which tests advance",
}
ASKING = {
    *("datetime.now", "datetime.utcnow", "datetime.today", "date.today"),
    *("time.time", "time.time_ns", "time.localtime", "time.gmtime"),
    *("func.now", "func.current_timestamp"),
}


def questions(module: ast.Module) -> Iterator[Breach]:
    for node in ast.walk(module):
        if isinstance(node, ast.Attribute):
            chain = dotted(node)
            if ".".join(chain.split(".")[-2:]) in ASKING:
                yield node.lineno, f"asks {chain}"
        if isinstance(node, ast.ImportFrom) and node.module == "time":
            names = {name.name for name in node.names}
            yield from ((node.lineno, f"imports {name}") for name in names & {"time", "time_ns"})


def test_nobody_else_asks() -> None:
    paths = modules("payments", "worker", "celeryconfig.py", "wsgi.py")
    assert breaches(questions, paths, HOMES) == []


@pytest.mark.parametrize(
    "sample",
    [
        "at = datetime.now(UTC)",
        "at = datetime.datetime.utcnow()",
        "day = date.today()",
        "seconds = time.time()",
        "column = Column(default=datetime.now)",
        "column = Column(server_default=sa.func.now())",
        "from time import time",
    ],
)
def test_a_planted_question_is_found(sample: str) -> None:
    assert len(planted(questions, sample)) == 1
