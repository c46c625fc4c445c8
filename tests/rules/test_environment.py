"""Every variable that the settings read is explained in .env.example, and nothing else is."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.rules.source import ROOT, dotted, tree

READ_IN = ("payments/config.py", "payments/kit/mail_settings.py")
READERS = {"reader.text", "reader.parsed"}
# Read by others than config.py: gunicorn, boto3.
OUTSIDE = {"WEB_CONCURRENCY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}


def read_variables(module: ast.Module) -> set[str]:
    return {
        str(node.args[0].value)
        for node in ast.walk(module)
        if isinstance(node, ast.Call) and dotted(node.func) in READERS
        if node.args and isinstance(node.args[0], ast.Constant)
    }


def explained(text: str) -> dict[str, str]:
    """Return each variable with the comment above it."""
    found, above = {}, ""
    for line in text.splitlines():
        match = re.match(r"([A-Z][A-Z0-9_]*)=", line)
        if match:
            found[match[1]] = above
        else:
            above = line.removeprefix("#").strip() if line.startswith("#") else ""
    return found


def _settings() -> set[str]:
    return set().union(*(read_variables(tree(Path(name))) for name in READ_IN))


def test_every_variable_is_explained() -> None:
    held = explained((ROOT / ".env.example").read_text())
    assert _settings() - held.keys() == set()
    assert [name for name, why in held.items() if len(why) < 10] == []


def test_nothing_else_is_explained() -> None:
    held = explained((ROOT / ".env.example").read_text())
    assert held.keys() - _settings() - OUTSIDE == set()


def test_a_planted_variable_is_found() -> None:
    assert read_variables(ast.parse("reader.text('NEW_ONE', '')")) == {"NEW_ONE"}
    assert explained("# why it is there\nA=1\nB=\n\nC=") == {
        "A": "why it is there",
        "B": "why it is there",
        "C": "",
    }
