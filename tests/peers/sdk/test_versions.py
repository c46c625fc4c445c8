"""Old and new versions of Stripe's own libraries, unchanged but for the address."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from payments.sandbox.server import Sandbox
from payments.sandbox.settings import Settings
from tests.peers.packages import install_from_npm, install_from_pypi

HERE = Path(__file__).parent
CHECKS = [
    "paging", "expand", "booleans", "idempotency", "errors", "retries", "signatures", "search",
]  # fmt: skip


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(port=0, settings=Settings(search_lag=0)) as running:
        yield running


def drive(command: list[str], **environ: str) -> list[str]:
    """Return the names of the checks that held."""
    done = subprocess.run(
        command,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [line.removeprefix("ok ") for line in done.stdout.splitlines()]


@pytest.mark.parametrize("version", ["11.6.0", "16.1.0"])
def test_stripe_python(sandbox: Sandbox, tmp_path: Path, version: str) -> None:
    folder = install_from_pypi(tmp_path / "packages", f"stripe=={version}", "requests")
    command = [sys.executable, str(HERE / "drive.py"), sandbox.url, version]
    assert drive(command, PYTHONPATH=str(folder)) == CHECKS


@pytest.mark.parametrize("version", ["17.7.0", "23.1.0"])
def test_stripe_node(sandbox: Sandbox, tmp_path: Path, version: str) -> None:
    folder = install_from_npm(tmp_path / "packages", f"stripe@{version}")
    command = ["node", str(HERE / "drive.cjs"), str(folder), sandbox.url, version]
    assert drive(command) == CHECKS
