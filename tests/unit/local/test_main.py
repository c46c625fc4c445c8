"""`python -m payments.local`: what stops it before anything starts, and how it ends."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from payments.local import __main__ as program
from payments.local import environment, parts
from payments.local.parts import Part, Plan

Script = Callable[..., Part]
LASTING = "import time; print('up'); time.sleep(60)"


@pytest.fixture(autouse=True)
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A shell without our variables, and the signals as they were."""
    for name in ("REDIS_URL", "DATABASE_URL", "STRIPE_API_BASE", "STRIPE_SECRET_KEY", "PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    before = {number: signal.getsignal(number) for number in (2, 15, 1)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> Callable[[Plan], None]:
    def put(plan: Plan) -> None:
        monkeypatch.setattr(parts, "plan", lambda *_: plan)

    return put


def error(capsys: pytest.CaptureFixture[str]) -> str:
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    return told.removeprefix("payments: ").strip()


def test_wrong_settings(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PORT", "http")
    assert program.main([]) == 1
    assert error(capsys) == "the settings are wrong: PORT must be a port number"


def test_an_absent_server(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    free_port: Callable[[], int],
) -> None:
    monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{free_port()}")
    assert program.main([]) == 1
    assert error(capsys).startswith("nobody answers at REDIS_URL; start it, or unset")


def test_a_second_run_in_one_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lock = environment.held(tmp_path)
    assert lock is not None
    with lock:
        assert program.main([]) == 1
    assert error(capsys).startswith(f"another run uses {tmp_path}")


def test_a_dead_part(
    script: Script, planned: Callable[[Plan], None], capsys: pytest.CaptureFixture[str]
) -> None:
    planned(Plan((), (), (script("web", "raise SystemExit(4)"), script("beat", LASTING))))
    assert program.main([]) == 1
    assert error(capsys).startswith("web ended with exit code 4")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(
    script: Script,
    planned: Callable[[Plan], None],
    capsys: pytest.CaptureFixture[str],
    number: signal.Signals,
) -> None:
    planned(Plan((), (script("seed", "print('seeded')"),), (script("web", LASTING),)))
    threading.Timer(1, os.kill, (os.getpid(), number)).start()
    assert program.main([]) == 0
    told = capsys.readouterr()
    assert told.err == ""
    assert "seed    | seeded" in told.out
    assert "Ctrl-C stops everything" in told.out
    assert told.out.rstrip().endswith("stopping ...")
