"""Reads the source for the rules: as files, as syntax trees and as what git tracks."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]

Breach = tuple[int, str]  # the line and what stands there
Checker = Callable[[ast.Module], Iterator[Breach]]


def modules(*places: str) -> list[Path]:
    """Return the Python files under the places (folders or files), as paths from the root."""
    found: list[Path] = []
    for place in places:
        path = ROOT / place
        found += [path] if path.is_file() else sorted(path.rglob("*.py"))
    return [path.relative_to(ROOT) for path in found]


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(), str(path))


def breaches(
    checker: Checker, paths: list[Path], allowed: dict[str, str] | None = None
) -> list[str]:
    """Run the checker; `allowed` names files, or `file:text` of a line, each with its reason."""
    told = []
    for path in paths:
        lines = (ROOT / path).read_text().splitlines()
        for number, what in checker(tree(path)):
            line = lines[number - 1].strip() if lines else ""
            if not _is_allowed(path, line, allowed or {}):
                told.append(f"{path}:{number}: {what}")
    return told


def _is_allowed(path: Path, line: str, allowed: dict[str, str]) -> bool:
    for entry in allowed:
        file, _, text = entry.partition(":")
        if str(path) == file and text in line:
            return True
    return False


def planted(checker: Checker, text: str) -> list[str]:
    """Run the checker on a sample, to see that it bites."""
    return [what for _line, what in checker(ast.parse(text))]


def dotted(node: ast.expr) -> str:
    """Write a chain of names as it stands (`datetime.datetime.now`), else nothing."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}".lstrip(".")
    return node.id if isinstance(node, ast.Name) else ""


def tracked() -> list[Path]:
    """Return what a clone would hold, new files included."""
    command = ["git", "ls-files", "-co", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return [Path(line) for line in listed.stdout.splitlines() if (ROOT / line).is_file()]
