"""The migrations are one line with one end, numbered, and import nothing of ours."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from alembic.script import ScriptDirectory

from tests.rules.source import ROOT, Breach, breaches, modules, planted

NAME = re.compile(r"\d{4}_[a-z0-9_]+\.py")
VERSIONS = "migrations/versions"


def our_imports(module: ast.Module) -> Iterator[Breach]:
    """A migration must do tomorrow what it did today: it may not follow our code."""
    for node in ast.walk(module):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for name in names:
            if name.split(".")[0] in {"payments", "worker"}:
                yield node.lineno, f"imports {name}"  # type: ignore[attr-defined]


def test_there_is_one_head() -> None:
    script = ScriptDirectory(str(ROOT / "migrations"))
    assert len(script.get_heads()) == 1
    assert len(script.get_bases()) == 1


def test_every_migration_is_numbered() -> None:
    assert [p.name for p in modules(VERSIONS) if not NAME.fullmatch(p.name)] == []


def test_no_migration_imports_our_code() -> None:
    assert breaches(our_imports, modules(VERSIONS)) == []


def test_a_planted_import_is_found() -> None:
    sample = "from payments.kit.db import UTCDateTime"
    assert planted(our_imports, sample) == ["imports payments.kit.db"]
