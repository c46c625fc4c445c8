"""The sandbox keeps out of production, its files to itself, and its pages out of frames."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from payments.sandbox import page_tools
from payments.sandbox.__main__ import main


def test_it_does_not_start_in_production(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = {"PAYMENTS_ENV": "production", "DATA_DIR": str(tmp_path), "SANDBOX_PORT": "0"}
    assert main(environ) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "the sandbox stands in for Stripe: it does not run in production"
    assert list(tmp_path.iterdir()) == []


def test_its_pages_stay_out_of_frames_and_load_nothing() -> None:
    answer = page_tools.message(200, "Title", "Text")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    # A form goes on to the merchant's address: that must stay possible.
    assert "form-action" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_its_database_is_for_its_user_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from payments.sandbox import __main__

    monkeypatch.setattr(__main__, "_serve", lambda sandbox, _database: sandbox.stop())
    former = os.umask(0o022)
    try:
        assert main({"DATA_DIR": str(tmp_path / "data"), "SANDBOX_PORT": "0"}) == 0
    finally:
        os.umask(former)
    files = [path for path in (tmp_path / "data").iterdir() if path.is_file()]
    assert files
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
