"""The import contracts hold, and each of them catches an import planted against it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.rules.source import ROOT

VERDICT = re.compile(r"(.+?) (KEPT|BROKEN)(?: \(\d+ ignored imports?\))?")
FLOORS, ROOM = "Down only", "Inside workspaces"
QUERIES = "payments/workspaces/queries.py"

# Where the import is planted, what it says, and the contract that must break.
PLANTED = [
    ("payments/kit/clock.py", "import payments.config", FLOORS),
    ("payments/auth/queries.py", "import payments.workspaces.queries", FLOORS),
    ("payments/invoices/numbering.py", "import payments.runs.models", FLOORS),
    ("payments/gateway/client.py", "import payments.invoices.models", FLOORS),
    ("payments/jobs.py", "import payments.auth.models", FLOORS),
    ("payments/newcomer.py", "", FLOORS),
    ("payments/workspaces/models/plans.py", "import payments.workspaces.queries", ROOM),
    (QUERIES, "import payments.workspaces.guards", ROOM),
    ("payments/workspaces/newcomer.py", "", ROOM),
    ("payments/jobs.py", "import worker", "The service never imports the worker"),
    ("payments/sandbox/store.py", "import payments.kit.clock", "The sandbox imports nothing"),
    (
        QUERIES,
        "import payments.sandbox.store",
        "Nobody imports the sandbox",
    ),
    (QUERIES, "import stripe", "One door to Stripe"),
    ("worker/charges.py", "import stripe", "One door to Stripe"),
    ("payments/invoices/issue.py", "import boto3", "One door to S3"),
    ("payments/kit/http.py", "import stripe", "The kit knows no payments word"),
]


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    return subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)


def broken(output: str) -> list[str]:
    """Return the names of the contracts that are reported as broken (long ones are wrapped)."""
    table = output.partition("dependencies.")[2].partition("Contracts:")[0]
    verdicts = VERDICT.findall(" ".join(table.split()))
    return [name.strip(" -") for name, verdict in verdicts if verdict == "BROKEN"]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The source and its contracts, to be spoilt."""
    for package in ("payments", "worker"):
        ignored = shutil.ignore_patterns("__pycache__", "fonts")
        shutil.copytree(ROOT / package, tmp_path / package, ignore=ignored)
    shutil.copy(ROOT / "setup.cfg", tmp_path)
    return tmp_path


def test_the_contracts_hold() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(("file", "line", "contract"), PLANTED)
def test_a_planted_import_breaks_its_contract(
    copy: Path, file: str, line: str, contract: str
) -> None:
    with (copy / file).open("a") as source:
        source.write(f"\n{line}\n")
    done = lint(copy)
    assert done.returncode == 1
    assert any(name.startswith(contract) for name in broken(done.stdout)), done.stdout
