"""The shell's variables win over .env, and .env over the defaults."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from payments.config import Settings
from payments.local import environment


def test_who_wins(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=1\nSANDBOX_PORT=2\nLOG_LEVEL=\n# PORT=3\nNAME='a b'\n")
    held = environment.gathered({"PORT": "9"}, tmp_path)
    assert (held["PORT"], held["SANDBOX_PORT"], held["NAME"]) == ("9", "2", "a b")
    assert held["LOG_LEVEL"] == "WARNING"


def test_without_a_file(tmp_path: Path) -> None:
    assert environment.gathered({}, tmp_path) == environment.DEFAULTS


def test_the_parts_are_told_what_was_decided(load: Callable[..., Settings], tmp_path: Path) -> None:
    told = environment.told({"EXTRA": "1"}, load(PORT="8100"))
    assert told == {
        "EXTRA": "1",
        "PORT": "8100",
        "SANDBOX_PORT": "12111",
        "DATA_DIR": str(tmp_path),
        "PUBLIC_URL": "http://127.0.0.1:8100",
    }


def test_one_run_a_folder(tmp_path: Path) -> None:
    first = environment.held(tmp_path / "new")
    assert first is not None
    assert environment.held(tmp_path / "new") is None
    first.close()
    second = environment.held(tmp_path / "new")
    assert second is not None
    second.close()
