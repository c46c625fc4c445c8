"""The first page's promise: one command, then a paid invoice as PDF, and nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from payments.local import greeting, probes
from tests.rules.source import ROOT

SECONDS = 90
OURS = ("DATABASE_URL", "REDIS_URL", "STRIPE_", "COV_", "COVERAGE_", "PAYMENTS_ENV", "LOG_LEVEL")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@dataclass
class Run:
    process: subprocess.Popen[str]
    output: Path
    folder: Path
    ports: dict[str, str]

    @property
    def demo(self) -> dict[str, Any]:
        held: dict[str, Any] = json.loads((self.folder / "demo.json").read_text())
        return held

    def wait_for(self, text: str) -> None:
        deadline = time.monotonic() + SECONDS
        while text not in self.output.read_text():
            assert self.process.poll() is None, self.output.read_text()
            assert time.monotonic() < deadline, self.output.read_text()
            time.sleep(0.2)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=20)


@pytest.fixture(scope="module")
def ports() -> dict[str, str]:
    found: dict[str, str] = {}
    candidate = 20000 + os.getpid() % 20000
    for name in ("PORT", "SANDBOX_PORT", "VALKEY_PORT"):
        while not probes.is_free(candidate):
            candidate += 1
        found[name], candidate = str(candidate), candidate + 1
    return found


@pytest.fixture(scope="module")
def start(
    tmp_path_factory: pytest.TempPathFactory, ports: dict[str, str]
) -> Iterator[Callable[[], Run]]:
    folder = tmp_path_factory.mktemp("first-run")
    shell = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    started: list[Run] = []

    def run() -> Run:
        output = folder / f"output-{len(started)}"
        with output.open("w") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "payments.local"],
                cwd=ROOT,
                env={**shell, **ports, "DATA_DIR": str(folder)},
                stdout=file,
                stderr=file,
                text=True,
            )
        started.append(Run(process, output, folder, ports))
        started[-1].wait_for("Ctrl-C stops everything")
        return started[-1]

    yield run
    for made in started:
        made.process.kill()
        made.process.wait()


@pytest.fixture(scope="module")
def first(start: Callable[[], Run]) -> Run:
    return start()


def test_the_first_charge_as_it_is_pasted(first: Run, tmp_path: Path) -> None:
    shown = first.output.read_text()
    block = greeting.first_charge(first.demo)
    assert block in shown
    done = subprocess.run(
        ["bash", "-c", block], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert '"status":"succeeded"' in done.stdout, done.stdout + done.stderr
    text = PdfReader(tmp_path / "invoice.pdf").pages[0].extract_text()
    assert "9.99" in text


def test_the_demo_file_is_complete_and_for_its_owner_alone(first: Run) -> None:
    assert (first.folder / "demo.json").stat().st_mode & 0o077 == 0
    people = {"owner", "admin", "member", "outsider", "platform_admin", "developer"}
    rest = {"base_url", "sandbox_url", "operator_key", "platform", "workspace"}
    assert first.demo.keys() >= people | rest | {"end_user", "project"}
    assert all(first.demo[person].keys() == {"email", "password"} for person in people)
    assert first.demo["platform"].keys() == {"secret_key", "publishable_key", "webhook_secret"}
    assert first.demo["platform"]["webhook_secret"].startswith("whsec_")
    assert first.demo["end_user"].keys() == {"email", "password", "project_id"}
    assert first.demo["project"].keys() >= {
        "id", "test_secret_key", "test_webhook_secret",
        "price_monthly", "price_yearly", "price_one_time",
    }  # fmt: skip


def test_stopping_leaves_nobody_and_running_again_keeps_the_data(
    first: Run, start: Callable[[], Run]
) -> None:
    before = first.demo
    assert first.stop() == 0
    assert all(probes.is_free(int(port)) for port in first.ports.values())
    second = start()
    assert second.demo == before
    code, body = probes.status(f"{before['base_url']}/readyz")
    assert (code, second.process.poll()) == (200, None), body
    assert second.stop() == 0
