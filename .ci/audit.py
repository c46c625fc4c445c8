"""Asks a vulnerability source about every locked package; fails on a known vulnerability.

    python .ci/audit.py [LOCK ...]

The source is pip-audit's own; `AUDIT_OSV_URL` names another one that speaks OSV's protocol. Asked
first is an old release whose vulnerabilities every source knows: where it is taken for sound, or
cannot be asked about, the source says nothing about the others either. Then there is no verdict,
which one line tells, and nothing fails.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import tomllib
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
LOCKS = ("requirements.txt", "requirements-local.txt", "requirements-dev.txt")
IGNORED = Path(".ci/audit-ignored.toml")
# CVE-2018-18074: https://osv.dev/vulnerability/GHSA-x84v-xcm2-53pg
KNOWN_VULNERABLE = "requests==2.19.0\n"
SECONDS = 600


class NoVerdict(Exception):
    """The source cannot be reached, or knows nothing."""


def ask_source(locks: list[Path]) -> list[dict[str, Any]]:
    """Return what pip-audit says of each package; raise NoVerdict when it says nothing.

    `--no-deps --disable-pip`: a lock is whole, so nothing is resolved or downloaded.
    """
    command = [sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off"]
    command += ["--no-deps", "--disable-pip", *_choose_service()]
    for lock in locks:
        command += ["--requirement", str(lock)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=SECONDS, cwd=ROOT
        )
    except subprocess.TimeoutExpired:
        raise NoVerdict(f"no answer within {SECONDS} seconds") from None
    try:
        packages: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        last = done.stderr.strip().splitlines()[-1:] or ["no answer"]
        raise NoVerdict(last[0][:200]) from None
    return packages


def _choose_service() -> list[str]:
    address = os.environ.get("AUDIT_OSV_URL")
    return ["--vulnerability-service", "osv", "--osv-url", address] if address else []


def check_source() -> None:
    """Raise NoVerdict unless the source knows a vulnerability that everybody knows."""
    with tempfile.TemporaryDirectory() as folder:
        lock = Path(folder) / "known.txt"
        lock.write_text(KNOWN_VULNERABLE)
        known = ask_source([lock])
    if not any(package.get("vulns") for package in known):
        why = next((each["skip_reason"] for each in known if "skip_reason" in each), "it is sound")
        raise NoVerdict(f"of {KNOWN_VULNERABLE.strip()} the source says: {why}")


def read_ignored(path: Path, today: date) -> dict[str, str]:
    """Return the ids that are ignored today with their reasons; each entry ends on a day."""
    entries = tomllib.loads(path.read_text("utf-8")).get("ignored", [])
    return {entry["id"]: entry["reason"] for entry in entries if entry["until"] >= today}


def list_findings(packages: list[dict[str, Any]], ignored: dict[str, str]) -> list[str]:
    """Return a line for each vulnerability that is not ignored by its id or another name of it."""
    return [
        f"{package['name']} {package['version']}: {found['id']}, {_name_remedy(found)}"
        for package in packages
        for found in package.get("vulns", [])
        if not ignored.keys() & {found["id"], *found.get("aliases", [])}
    ]


def _name_remedy(found: dict[str, Any]) -> str:
    fixed = found.get("fix_versions") or []
    return f"fixed in {', '.join(fixed)}" if fixed else "not fixed yet"


def main(arguments: list[str]) -> int:
    """Audit the locks; 1 when a package has a known vulnerability that is not ignored."""
    locks = [ROOT / name for name in arguments or LOCKS]
    try:
        check_source()
        packages = ask_source(locks)
    except NoVerdict as why:
        print(f"payments: no verdict on known vulnerabilities: {why}")
        return 0
    findings = list_findings(packages, read_ignored(ROOT / IGNORED, datetime.now(UTC).date()))
    unknown = sorted(package["name"] for package in packages if "skip_reason" in package)
    print(*findings, sep="\n", end="\n" if findings else "")
    if unknown:
        print(f"payments: the source does not know: {', '.join(unknown)}")
    known = len(packages) - len(unknown)
    print(f"payments: {known} packages asked about, {len(findings)} known vulnerabilities")
    return bool(findings)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
