"""The locks pin every package by version and hash, agree with each other and cover setup.cfg."""

from __future__ import annotations

import configparser
import re

import pytest

from tests.rules.source import ROOT

LOCKS = ("requirements.txt", "requirements-local.txt", "requirements-dev.txt")
LINE = re.compile(r"^(?P<name>[a-z0-9._-]+)==(?P<version>[^\s;]+)", re.MULTILINE)


def pins(text: str) -> dict[str, str]:
    return {match["name"]: match["version"] for match in LINE.finditer(text)}


def unhashed(text: str) -> list[str]:
    """Return the packages that no hash follows."""
    blocks = re.split(r"^(?=\S)", text, flags=re.MULTILINE)
    return [b.split()[0] for b in blocks if b and b[0] != "#" and "--hash=sha256:" not in b]


def _lock(name: str) -> str:
    return (ROOT / name).read_text()


def _wanted(*extras: str) -> set[str]:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(ROOT / "setup.cfg")
    lines = parser["options"]["install_requires"].splitlines()
    for extra in extras:
        lines += parser["options.extras_require"][extra].splitlines()
    lines = [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]
    return {re.split(r"[\s\[<>=!;]", line)[0].lower() for line in lines}


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_has_its_hashes(name: str) -> None:
    assert pins(_lock(name))
    assert unhashed(_lock(name)) == []


def test_an_unhashed_package_is_found() -> None:
    assert unhashed("flask==3.1.3 \\\n    --hash=sha256:aa\nredis==8.1.0\n") == ["redis==8.1.0"]


def test_the_larger_locks_hold_the_smaller_ones() -> None:
    small, middle, large = (pins(_lock(name)).items() for name in LOCKS)
    assert small <= middle <= large


@pytest.mark.parametrize(
    ("name", "extras"), [(LOCKS[0], ()), (LOCKS[1], ("local",)), (LOCKS[2], ("local", "dev"))]
)
def test_whatever_setup_cfg_asks_for_is_locked(name: str, extras: tuple[str, ...]) -> None:
    assert _wanted(*extras) - pins(_lock(name)).keys() == set()
