"""What is installed is locked and listed, and what a scanner is told to ignore has a reason."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from payments import __version__
from tests.rules.source import ROOT, modules, tracked

LOCKS = ("requirements.txt", "requirements-local.txt", "requirements-dev.txt")
PINNED = re.compile(r"^([\w.-]+)==(\S+) \\\n((?: +--hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.M)
# `noqa: S...` with nothing behind it says that a finding was silenced, not why.
SILENCED = re.compile(r"#\s*noqa: S\d+(?:, ?\w+)*(?!.*(?: - | \()\w)")


def read_pins(text: str) -> dict[str, str]:
    return {name: version for name, version, _hashes in PINNED.findall(text)}


class TestLocks:
    @pytest.mark.parametrize("lock", LOCKS)
    def test_every_package_has_one_version_and_its_hashes(self, lock: str) -> None:
        text = (ROOT / lock).read_text("utf-8")
        named = [line for line in text.splitlines() if re.match(r"[A-Za-z0-9]", line)]
        assert len(read_pins(text)) == len(named) > 50

    def test_a_package_has_the_same_version_in_every_lock(self) -> None:
        pins = [read_pins((ROOT / lock).read_text("utf-8")).items() for lock in LOCKS]
        assert pins[0] <= pins[1]
        assert pins[1] <= pins[2]


class TestScanner:
    def test_its_rules_are_errors(self) -> None:
        chosen = tomllib.loads((ROOT / "ruff.toml").read_text("utf-8"))["lint"]
        assert "S" in chosen["select"]
        assert [rule for rule in chosen["ignore"] if re.match(r"S\d", rule)] == []

    def test_what_is_silenced_says_why(self) -> None:
        paths = modules("payments", "worker", "tests", "benchmarks", "migrations", ".ci")
        told = [
            f"{path}:{number}"
            for path in paths
            for number, line in enumerate((ROOT / path).read_text("utf-8").splitlines(), 1)
            if SILENCED.search(line)
        ]
        assert told == []

    def test_silence_without_a_reason_is_found(self) -> None:
        mark = "# no" + "qa: S608"
        assert SILENCED.search(mark)
        assert not SILENCED.search(f"{mark} - our own names")

    def test_no_measurement_of_coverage_is_tracked(self) -> None:
        assert [path for path in tracked() if path.name.startswith(".coverage")] == []


class TestSbom:
    def test_it_lists_what_production_installs(self, tmp_path: Path) -> None:
        target = tmp_path / "made" / "sbom.json"
        command = [sys.executable, ".ci/sbom.py", str(target)]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        text = target.read_text("utf-8")
        assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
        made = json.loads(text)
        product = made["metadata"]["component"]
        assert (product["name"], product["version"]) == ("payments", __version__)
        listed = {each["name"]: each["version"] for each in made["components"]}
        assert listed == read_pins((ROOT / "requirements.txt").read_text("utf-8"))
