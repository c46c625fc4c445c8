"""Every named step is declared once, passed somewhere, and has a test that dies there."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

from payments.kit import steps
from tests.faults.money import test_project_event_steps, test_web_steps, test_worker_steps
from tests.rules.source import Breach, dotted, modules, planted, tree

DECLARED = (*steps.CHARGE, *steps.REFUND, *steps.DOCUMENT, *steps.EVENT)


def passed(module: ast.Module) -> Iterator[Breach]:
    """Yield the name of each step that is passed; what is no literal is told as `?`."""
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and dotted(node.func) == "steps.passed":
            name = node.args[0]
            literal = isinstance(name, ast.Constant)
            yield node.lineno, str(name.value) if literal else "?"  # type: ignore[attr-defined]


def in_the_code() -> set[str]:
    return {name for path in modules("payments", "worker") for _, name in passed(tree(path))}


def test_no_name_is_declared_twice() -> None:
    assert Counter(DECLARED).most_common(1)[0][1] == 1
    assert set(DECLARED) == steps.NAMES


def test_the_names_passed_are_those_declared() -> None:
    assert in_the_code() == steps.NAMES


def test_a_test_kills_a_process_at_every_step() -> None:
    in_workers = {step for names in test_worker_steps.IN_WORKER.values() for step in names}
    on_the_web = {
        *test_web_steps.UPGRADES,
        *test_web_steps.REFUNDS,
        *test_web_steps.DELIVERIES,
    }
    assert in_workers | on_the_web | set(test_project_event_steps.STEPS) == steps.NAMES


def test_a_planted_step_is_found() -> None:
    assert planted(passed, "steps.passed('charge.lost')\nsteps.passed(name)") == [
        "charge.lost",
        "?",
    ]


def test_no_step_is_heard_of_unless_a_test_arms_it() -> None:
    """Nothing in the service arms steps, and no variable of the environment does."""
    arms = [
        str(path)
        for path in modules("payments", "worker", "celeryconfig.py", "wsgi.py")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and dotted(node.func).endswith("arm")
    ]
    assert arms == []
    heard: list[str] = []
    steps.passed("charge.reserved")
    steps.arm(heard.append)
    steps.passed("charge.committed")
    steps.arm(None)
    steps.passed("charge.enqueued")
    assert heard == ["charge.committed"]
