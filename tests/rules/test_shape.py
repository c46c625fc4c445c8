"""Small functions in small files, each file saying why it exists."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from statistics import median

from tests.rules.source import ROOT, Breach, breaches, modules, planted, tree

LONGEST_FILE, LONGEST_FUNCTION, MEDIAN_BELOW = 300, 40, 10
CODE = ("payments", "worker", "celeryconfig.py", "wsgi.py")


def undocumented(module: ast.Module) -> Iterator[Breach]:
    # An empty package file has nothing to explain.
    if module.body and not ast.get_docstring(module):
        yield 1, "has no docstring"


def long_functions(module: ast.Module) -> Iterator[Breach]:
    for name, line, length in functions(module):
        if length > LONGEST_FUNCTION:
            yield line, f"{name} has {length} lines"


def functions(module: ast.Module) -> Iterator[tuple[str, int, int]]:
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node.lineno, (node.end_lineno or node.lineno) - node.lineno + 1


def too_long(text: str) -> bool:
    return text.count("\n") >= LONGEST_FILE


def test_every_module_says_why_it_exists() -> None:
    assert breaches(undocumented, modules(*CODE, "tests", "migrations", ".ci")) == []


def test_no_function_is_long() -> None:
    assert breaches(long_functions, modules(*CODE)) == []


def test_most_functions_are_short() -> None:
    lengths = [length for path in modules(*CODE) for _, _, length in functions(tree(path))]
    assert median(lengths) < MEDIAN_BELOW


def test_no_file_is_long() -> None:
    paths = modules(*CODE)
    assert [str(path) for path in paths if too_long((ROOT / path).read_text())] == []


def test_planted_breaches_are_found() -> None:
    body = "\n".join("    x = 1" for _ in range(LONGEST_FUNCTION))
    assert planted(undocumented, "x = 1") == ["has no docstring"]
    assert planted(long_functions, f"def f():\n{body}") == ["f has 41 lines"]
    assert too_long("x\n" * LONGEST_FILE)
