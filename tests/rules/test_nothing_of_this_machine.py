"""The tree names no folder of anybody's machine and no package index: a clone works anywhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.rules.source import ROOT, tracked

# Written in pieces, so that this file does not hold what it looks for.
FOLDERS = ("home", "Users", "root", "work", "farm", "opt", "mnt", "srv")
HOSTS = ("pypi" + ".org", "python" + "hosted", "registry." + "npmjs", "proxy." + "golang")
OPTIONS = ("index" + "-url", "find" + "-links", "trusted" + "-host")

PATTERN = re.compile(
    r"(?<![\w.:/$}*\])-])/(?:" + "|".join(FOLDERS) + r")/[\w.-]"
    r"|" + "|".join(re.escape(host) for host in HOSTS) + r"|(?:^|\s)--(?:extra-)?(?:"
    r"" + "|".join(OPTIONS) + r")[ =]\S"
)


def found(text: str) -> list[str]:
    return [match.group().strip() for match in PATTERN.finditer(text)]


def _text(path: Path) -> str:
    try:
        return (ROOT / path).read_text()
    except UnicodeDecodeError:
        return ""  # fonts and pictures


def test_no_tracked_file_names_a_machine_or_an_index() -> None:
    paths = [path for path in tracked() if path.name != Path(__file__).name]
    assert {str(path): found(_text(path)) for path in paths if found(_text(path))} == {}


@pytest.mark.parametrize(
    "sample",
    [
        "see /" + "home/somebody/notes",
        'path = "/' + 'work/main"',
        "https://" + HOSTS[0] + "/simple",
        "--" + OPTIONS[0] + " https://mirror.example",
        "--" + OPTIONS[1] + "=wheels",
    ],
)
def test_a_planted_one_is_found(sample: str) -> None:
    assert len(found(sample)) == 1


@pytest.mark.parametrize("sample", ["GET /api/work/1", "--no-emit-" + OPTIONS[0], "a/work/b"])
def test_other_slashes_are_none(sample: str) -> None:
    assert found(sample) == []
