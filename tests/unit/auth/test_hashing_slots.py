"""How many hashes run at once, and what happens to those who find no slot."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask

from payments.auth import hashing_slots
from payments.auth.errors import HashingBusy
from payments.auth.hashing_slots import limit_hashing, run_in_slot


class Held:
    """Work that lasts until the test lets it go, and how much of it ran at once."""

    def __init__(self) -> None:
        self.begun, self.release = threading.Semaphore(0), threading.Event()
        self.running = self.most = 0
        self._lock = threading.Lock()

    def __call__(self) -> str:
        with self._lock:
            self.running += 1
            self.most = max(self.most, self.running)
        self.begun.release()
        self.release.wait(10)
        with self._lock:
            self.running -= 1
        return "done"


@pytest.fixture
def app() -> Flask:
    app = Flask(__name__)
    limit_hashing(app, slots=2, web_threads=4)
    return app


@pytest.fixture
def callers() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


def run(app: Flask, work: Held) -> str:
    with app.app_context():
        return run_in_slot(work)


def test_the_result_and_the_error_come_back(app: Flask) -> None:
    with app.app_context():
        assert run_in_slot(int, "12", base=8) == 10
        with pytest.raises(ValueError, match="invalid literal"):
            run_in_slot(int, "x")


def test_only_so_many_run_and_few_wait(app: Flask, callers: ThreadPoolExecutor) -> None:
    """Two run, one waits, and the fourth is refused at once."""
    held = Held()
    first = [callers.submit(run, app, held) for _ in range(2)]
    assert all(held.begun.acquire(timeout=5) for _ in first)
    waiting = callers.submit(run, app, held)
    places = app.extensions["payments.hashing_slots"].places
    while places.acquire(blocking=False):  # the third has not come yet
        places.release()
    with pytest.raises(HashingBusy) as refused:
        run(app, held)
    held.release.set()
    assert [each.result(5) for each in (*first, waiting)] == ["done"] * 3
    assert held.most == 2
    assert refused.value.headers == {"Retry-After": "2"}


def test_whoever_waits_in_vain_is_refused(
    app: Flask, callers: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hashing_slots, "WAIT_SECONDS", 0.05)
    held = Held()
    first = [callers.submit(run, app, held) for _ in range(2)]
    assert all(held.begun.acquire(timeout=5) for _ in first)
    with pytest.raises(HashingBusy):
        run(app, held)
    held.release.set()
    assert [each.result(5) for each in first] == ["done"] * 2
    assert run(app, held) == "done", "the slots are free again"
