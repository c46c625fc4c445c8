"""Installs packages of others into a folder that goes away with the test run."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SECONDS = 300


def install_from_pypi(folder: Path, *requirements: str) -> Path:
    """Return the folder to put on PYTHONPATH; fail in one line without a registry."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder)]
    _run("PyPI", [*command, *requirements], requirements)
    return folder


def install_from_npm(folder: Path, *requirements: str) -> Path:
    """Return the folder that holds node_modules; fail in one line without npm or a registry."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.fail(f"tests/peers needs {program}: install Node.js 18 or newer", pytrace=False)
    folder.mkdir(parents=True, exist_ok=True)
    command = [
        "npm",
        "install",
        "--loglevel=error",
        "--no-audit",
        "--no-fund",
        "--prefix",
        str(folder),
    ]
    _run("npm's registry", [*command, *requirements], requirements)
    return folder


def _run(registry: str, command: list[str], requirements: tuple[str, ...]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        reason = f"no answer in {SECONDS} seconds"
    else:
        if done.returncode == 0:
            return
        errors = (line for line in done.stderr.splitlines() if "error" in line.lower())
        reason = next(errors, "no reason given")
    wanted = ", ".join(requirements)
    pytest.fail(f"tests/peers needs {registry} for {wanted}: {reason}", pytrace=False)
