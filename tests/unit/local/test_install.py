"""The installer: once per lock, visibly, and what goes wrong is one line."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from payments.local import install

LOCK = """\
# comment
flask==3.1.3 \\
    --hash=sha256:aa
    # via x==1
redis==8.1.0 \\
    --hash=sha256:bb
"""
WELL = "for name in a b; do echo Collecting $name; done; echo Installing collected packages: a, b"

Fake = Callable[[str], None]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "requirements-local.txt").write_text(LOCK)
    (tmp_path / "requirements-dev.txt").write_text(LOCK + "mypy==2.4.1 --hash=sha256:cc\n")
    return tmp_path


@pytest.fixture
def fake_pip(folder: Path) -> Fake:
    """An environment whose Python is a few lines of shell, standing in for pip."""

    def write(lines: str) -> None:
        install.PYTHON.parent.mkdir(parents=True, exist_ok=True)
        install.PYTHON.write_text(f'#!/bin/sh\necho "$@" >> {folder}/calls\n{lines}\n')
        install.PYTHON.chmod(0o755)

    return write


def calls(folder: Path) -> list[str]:
    path = folder / "calls"
    return path.read_text().splitlines() if path.exists() else []


class TestInstalling:
    def test_progress_is_shown(
        self, fake_pip: Fake, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        fake_pip(WELL)
        assert install.main("requirements-local.txt") == 0
        told = capsys.readouterr().out
        assert "2/2 2 packages of requirements-local.txt" in told
        assert "2 of 2 packages fetched" in told
        assert "unpacking them" in told
        assert "--require-hashes --no-deps" in calls(folder)[0]

    def test_the_second_time_is_silent(
        self, fake_pip: Fake, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        fake_pip(WELL)
        install.main("requirements-local.txt")
        capsys.readouterr()
        assert install.main("requirements-local.txt") == 0
        assert capsys.readouterr().out == ""
        assert len(calls(folder)) == 1

    def test_a_changed_lock_is_installed(self, fake_pip: Fake, folder: Path) -> None:
        fake_pip(WELL)
        install.main("requirements-local.txt")
        (folder / "requirements-local.txt").write_text(LOCK.replace("8.1.0", "8.1.1"))
        install.main("requirements-local.txt")
        assert len(calls(folder)) == 2

    def test_the_larger_lock_holds_the_smaller_one(self, fake_pip: Fake, folder: Path) -> None:
        fake_pip(WELL)
        install.main("requirements-dev.txt")
        install.main("requirements-local.txt")
        assert len(calls(folder)) == 1
        fake_pip(WELL)
        (folder / ".venv/.installed").unlink()
        install.main("requirements-local.txt")
        install.main("requirements-dev.txt")
        assert len(calls(folder)) == 3

    def test_a_failure_is_told_and_tried_again(
        self, fake_pip: Fake, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        fake_pip("echo ERROR: no such version; exit 1")
        assert install.main("requirements-local.txt") == 1
        told = capsys.readouterr()
        assert "ERROR: no such version" in told.out
        assert told.err.count("\n") == 1
        assert told.err.startswith("payments: pip could not install")
        assert install.main("requirements-local.txt") == 1
        assert len(calls(folder)) == 2


class TestEnvironment:
    def test_a_python_without_venv(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def broken(*_args: object, **_kwargs: object) -> None:
            raise subprocess.CalledProcessError(1, "ensurepip")

        monkeypatch.setattr(install.venv, "create", broken)
        assert install.main("requirements-local.txt") == 1
        told = capsys.readouterr().err
        assert told.count("\n") == 1
        assert f"python{sys.version_info.major}.{sys.version_info.minor}-venv" in told

    def test_it_is_made_with_pip(self, monkeypatch: pytest.MonkeyPatch) -> None:
        made: list[object] = []
        monkeypatch.setattr(install.venv, "create", lambda *a, **k: made.append((a, k)))
        install.make_environment()
        assert made == [((install.VENV,), {"with_pip": True, "clear": True})]

    def test_a_standing_one_stays(self, fake_pip: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
        fake_pip("")
        monkeypatch.setattr(install.venv, "create", lambda *a, **k: pytest.fail("made anew"))
        install.make_environment()


def test_only_pins_are_counted(folder: Path) -> None:
    assert install.packages(folder / "requirements-local.txt") == 2
    assert install.packages(folder / "requirements-dev.txt") == 3
