"""In production each line that a process prints is JSON, from its start to its end."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from payments import jobs
from tests.support import processes
from tests.support.processes import ROOT, Group
from tests.support.production import production_on
from tests.support.site import Site


@pytest.fixture
def environment(site: Site) -> dict[str, str]:
    return production_on(site.environment, LOG_LEVEL="INFO")


def read_lines(group: Group) -> list[dict[str, Any]]:
    """Parse every line of the output; ValueError for one that is no JSON object."""
    return [_parse(line) for line in group.output.splitlines()]


def _parse(line: str) -> dict[str, Any]:
    found = json.loads(line)
    assert {"at", "level", "logger", "message"} <= set(found), line
    return dict(found)


def start(name: str, environment: dict[str, str], *options: str) -> Group:
    return Group(name, [*processes.procfile(name, environment), *options], environment)


def end(group: Group) -> None:
    """Stop everybody in the group, as a platform does, and keep what was printed."""
    group.stop(everybody=True, seconds=30)


def has(group: Group, text: str) -> Callable[[], bool]:
    return lambda: text in group.output


def test_web(environment: dict[str, str]) -> None:
    port = processes.free_port()
    environment = {**environment, "PORT": str(port), "WEB_CONCURRENCY": "2", "WEB_THREADS": "2"}
    client = processes.HttpClient(f"http://127.0.0.1:{port}")
    with processes.running(start("web", environment)) as group:
        group.wait_until(client.answers)
        assert client.get("/api/pricing-plans", headers={"X-Request-ID": "ok-1"}).status_code == 200
        assert client.get("/api/auth/me", headers={"X-Request-ID": "no-1"}).status_code == 401
        assert _send_nonsense(port).startswith(b"HTTP/1.1 400")
        end(group)
        lines = read_lines(group)
    told = {line["request_id"]: line for line in lines if "request_id" in line}
    assert (told["ok-1"]["status"], told["ok-1"]["logger"]) == (200, "payments.access")
    assert (told["no-1"]["status"], told["no-1"]["logger"]) == (401, "payments.security")
    refused = [line for line in lines if line["message"].startswith("refused: ")]
    assert [len(line["request_id"]) for line in refused] == [32]
    assert any("gunicorn" in line["logger"] for line in lines)


def _send_nonsense(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert re.search(rb"(?im)^x-request-id: [0-9a-f]{32}\r$", answer), answer
    return answer


def test_a_web_that_cannot_start(environment: dict[str, str]) -> None:
    environment = {**environment, "STRIPE_SECRET_KEY": "", "PORT": str(processes.free_port())}
    with processes.running(start("web", environment)) as group:
        assert group.ended(seconds=40) != 0
        lines = read_lines(group)
    assert any("STRIPE_SECRET_KEY" in json.dumps(line) for line in lines)


def test_worker(environment: dict[str, str], site: Site) -> None:
    with processes.running(start("worker", environment, "--concurrency", "2")) as group:
        group.wait_until(has(group, " ready."))
        assert site.enqueue(jobs.RUN_CHARGE, charge_id=999_999)
        group.wait_until(has(group, "charges.run ended"))
        end(group)
        lines = read_lines(group)
    assert any("Warm shutdown" in line["message"] for line in lines)
    # Ticks: only what failed, or has a row's id, is told.
    assert [line for line in lines if "received" in line["message"]] == []
    assert [line for line in lines if "heartbeat" in line["message"]] == []


def test_beat(environment: dict[str, str]) -> None:
    with processes.running(start("beat", environment)) as group:
        group.wait_until(has(group, "beat: Starting..."))
        time.sleep(6)  # the sweep is sent every five seconds
        end(group)
        lines = read_lines(group)
    assert [line for line in lines if "Sending due task" in line["message"]] == []


@pytest.mark.parametrize("command", [("db", "upgrade"), ("reconcile", "--nothing")])
def test_a_command_logs_json_only(environment: dict[str, str], command: tuple[str, ...]) -> None:
    """What a command answers stands on stdout; what it logs, on stderr."""
    words = [sys.executable, "-m", "flask", "--app", "wsgi", *command]
    done = subprocess.run(
        words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    logged = [line for line in done.stderr.splitlines() if not line.startswith(("Usage", "Try"))]
    assert [_parse(line) for line in logged if line.strip() and not line.startswith("Error")] or (
        command[0] == "reconcile"
    )


def test_what_nobody_caught(environment: dict[str, str]) -> None:
    program = (
        "import threading, warnings; from payments.app import create_app; create_app();"
        "warnings.warn('careful');"
        "thread = threading.Thread(target=lambda: 1 / 0); thread.start(); thread.join();"
        "raise ValueError('sk_live_canary1234')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    lines = [_parse(line) for line in done.stderr.splitlines()]
    assert [line["logger"] for line in lines] == ["py.warnings", "uncaught", "uncaught"]
    assert "ZeroDivisionError" in lines[1]["trace"]
    assert lines[2]["trace"].endswith("ValueError: sk_live_***")
